// One JSON object per check on standard output: {"check", "ok", "seen"}. What was seen is for the caller
// to judge or to compare; `ok`, which is given back, too, says whether the check itself held.

const DEADLINE = 15_000;

export async function check(name, story) {
  try {
    const seen = await within(story(), name);
    console.log(JSON.stringify({ check: name, ok: true, seen: seen ?? null }));
    return true;
  } catch (error) {
    console.log(JSON.stringify({ check: name, ok: false, seen: String(error.stack ?? error) }));
    return false;
  }
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing happened for ${DEADLINE} ms`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
