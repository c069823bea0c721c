// npm mysql2 by a UNIX socket: called with PATH USER PASSWORD STOP, it opens sessions with state of their own until the file STOP is there, and prints how many.
'use strict';

const assert = require('assert/strict');
const fs = require('fs');
const mysql = require('mysql2/promise');

const [socketPath, user, password, stop] = process.argv.slice(2);

async function main() {
  let sessions = 0;
  for (; !fs.existsSync(stop); sessions++) {
    const connection = await mysql.createConnection({ socketPath, user, password });
    await connection.query('SET @held = 7');
    for (let n = 0; n < 20; n++) {
      const [rows] = await connection.query({ sql: 'SELECT @held, ?, SLEEP(0.005)', rowsAsArray: true }, [n]);
      assert.deepEqual(rows, [[7, n, 0]]);
    }
    await connection.end();
  }
  console.log(sessions);
}

main();
