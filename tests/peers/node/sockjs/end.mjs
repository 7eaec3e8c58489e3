async function records(site, query) {
  return (await fetch(`http://${site}/records?${new URLSearchParams(query)}`)).json();
}

// Has a client that holds (pages/hold.js) leave once the backend has heard it twice: it says the second word only some
// time after the first has arrived, so that it holds a poll by then. Gives what the backend sees of it.
export async function end(site, id, leave) {
  await records(site, { id, heard: 2 });
  await leave();
  return (await records(site, { id, closes: 1 })).closes;
}
