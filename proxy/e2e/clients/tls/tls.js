// mysql2 and npm mariadb; package e2e says how clients of tls_clients_test.go are called and what they print.
'use strict';

const fs = require('fs');

const [api, host, port, ca, password, ...users] = process.argv.slice(2);

const apis = {
  mysql2: async (user) => {
    const ssl = ca === '' ? undefined : { ca: fs.readFileSync(ca), rejectUnauthorized: true, verifyIdentity: true };
    const c = await require('mysql2/promise').createConnection({ host, port: Number(port), user, password, ssl, connectTimeout: 10000 });
    c.on('error', () => {});
    const all = [await c.query("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AS v"), await c.execute('SELECT ? + 1 AS v', [41]),
      await c.query("SELECT REPEAT('x', 2097152) AS v")].map((answer) => answer[0][0].v);
    await c.end();
    return all;
  },
  mariadb: async (user) => {
    const ssl = ca === '' ? false : ca === 'proof' ? true : { ca: fs.readFileSync(ca), rejectUnauthorized: true };
    const c = await require('mariadb').createConnection({ host, port: Number(port), user, password, ssl, connectTimeout: 10000, allowPublicKeyRetrieval: true });
    const all = [await c.query("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AS v"), await c.execute('SELECT ? + 1 AS v', [41]),
      await c.query("SELECT REPEAT('x', 2097152) AS v")].map((rows) => rows[0].v);
    await c.end();
    return all;
  },
};

(async () => {
  for (const user of users) {
    let said = 'ok';
    try {
      for (let i = 0; i < 2; i++) {
        const [got, sum, big] = await apis[api](user);
        if (got !== user || Number(sum) !== 42 || big.length !== 2097152) said = `got ${got} ${sum} ${big.length}`;
      }
    } catch (e) {
      said = `${e.errno || ''} ${e.message} ${e.cause ? e.cause.message : ''}`.trim();
    }
    console.log(`${user}\t${said.replaceAll('\n', ' ')}`);
  }
  process.exit(0);
})();
