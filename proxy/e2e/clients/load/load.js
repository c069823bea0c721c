// load.js loads files with fetch, one for each line on standard input, as load_client_test.go says.
'use strict';
const fs = require('node:fs');
const readline = require('node:readline');
const { Readable } = require('node:stream');

const [url, user, password] = process.argv.slice(2);

async function load(way, table, label, file) {
  const headers = {
    authorization: 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64'),
    column_separator: ',',
  };
  if (label !== '-') headers.label = label;
  const request = { method: 'PUT', headers, signal: AbortSignal.timeout(120_000) };
  if (way === 'chunks') {
    request.body = Readable.toWeb(fs.createReadStream(file, { highWaterMark: 4096 }));
    request.duplex = 'half';
  } else {
    request.body = fs.readFileSync(file);
  }
  const answer = await fetch(`${url}/api/${table}/_stream_load`, request);
  return ['answer', String(answer.status), await answer.text()];
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let outcome;
    try {
      outcome = await load(...line.split('\t'));
    } catch (e) {
      outcome = ['lost', `${e}: ${e.cause}`];
    }
    console.log(outcome.map((word) => word.replace(/[\r\n\t]+/g, ' ')).join('\t'));
  }
})();
