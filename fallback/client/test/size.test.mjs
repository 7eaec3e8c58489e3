import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

test("the file stays under 8 KB, compressed and with its comments", () => {
  const { length } = gzipSync(readFileSync(new URL("../towpath.js", import.meta.url)), { level: 9 });
  assert.ok(length < 8192, `${length} bytes`);
});
