// What mysql2's own integration tests try, which its package does not carry, written anew: one session says many things, one after the other. Called with HOST PORT
// USER PASSWORD DATABASE, it prints `pass NAME` or `fail NAME: WHY` for each test.
'use strict';

const assert = require('assert/strict');
const { Readable } = require('stream');
const callbacks = require('mysql2');
const mysql = require('mysql2/promise');

const [host, port, user, password, database] = process.argv.slice(2);
const account = { host, port: Number(port), user, password, database };
const open = (options) => mysql.createConnection({ ...account, ...options });
const rows = async (c, text, args) => (await c.query(text, args))[0];
const executed = async (c, text, args) => (await c.execute(text, args))[0];
const value = async (c, text, args) => Object.values((await rows(c, text, args))[0])[0];
const fails = async (promise, errno) => assert.rejects(promise, (e) => e.errno === errno || assert.fail(`${e.errno}: ${e.message}`));

const tests = {
  async 'select, one after the other'(c) {
    for (let i = 0; i < 20; i++) assert.deepEqual(await rows(c, 'SELECT ? AS a, ? AS b', [i, `x${i}`]), [{ a: i, b: `x${i}` }]);
  },
  async 'select, all at once'(c) {
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => value(c, `SELECT ${i} AS a`)));
    assert.deepEqual(all, Array.from({ length: 20 }, (_, i) => i));
  },
  async 'an empty result, and no result'(c) {
    assert.deepEqual(await rows(c, 'SELECT 1 AS a LIMIT 0'), []);
    assert.equal((await rows(c, 'DO 1')).affectedRows, 0);
  },
  async 'ping'(c) {
    for (let i = 0; i < 5; i++) await c.ping();
    assert.equal(await value(c, 'SELECT 1'), 1);
  },
  async 'insert ids'(c) {
    await c.query('CREATE OR REPLACE TABLE ids (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT)');
    assert.equal((await rows(c, 'INSERT INTO ids (v) VALUES (1)')).insertId, 1);
    assert.equal(await value(c, 'SELECT LAST_INSERT_ID()'), 1);
    assert.equal(await value(c, 'SELECT LAST_INSERT_ID()'), 1);
    await c.query("INSERT INTO ids VALUES ('9007199254740991', 2)");
    assert.equal((await rows(c, 'INSERT INTO ids (v) VALUES (3)')).insertId, '9007199254740992');
    assert.deepEqual((await rows(c, 'SELECT id FROM ids ORDER BY id', [])).map((r) => String(r.id)), ['1', '9007199254740991', '9007199254740992']);
  },
  async 'affected and changed rows'(c) {
    await c.query('CREATE OR REPLACE TEMPORARY TABLE t (id INT, v INT)');
    await c.query('INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)');
    const result = await rows(c, 'UPDATE t SET v = 2 WHERE id > 1');
    assert.deepEqual([result.affectedRows, result.changedRows], [2, 1]);
  },
  async 'prepared once, executed often'(c) {
    for (let i = 0; i < 20; i++) assert.deepEqual(await executed(c, 'SELECT ? + 1 AS a', [i]), [{ a: i + 1 }]);
  },
  async 'many prepared'(c) {
    for (let i = 0; i < 50; i++) assert.deepEqual(await executed(c, `SELECT ? AS a${i}`, [`v${i}`]), [{ [`a${i}`]: `v${i}` }]);
    for (let i = 49; i >= 0; i--) assert.deepEqual(await executed(c, `SELECT ? AS a${i}`, [`w${i}`]), [{ [`a${i}`]: `w${i}` }]);
  },
  async 'more prepared than are cached'() {
    const c = await open({ maxPreparedStatements: 3 });
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 8; i++) assert.deepEqual(await executed(c, `SELECT ? AS a${i}`, [i]), [{ [`a${i}`]: i }]);
    }
    await c.end();
  },
  async 'prepare, execute, close'(c) {
    for (let i = 0; i < 5; i++) {
      const statement = await c.prepare(`SELECT ? AS a, ? AS b /* ${i} */`); // one that has been closed stays in its cache
      assert.deepEqual((await statement.execute([i, 'x']))[0], [{ a: i, b: 'x' }]);
      assert.deepEqual((await statement.execute([null, i]))[0], [{ a: null, b: i }]);
      await statement.close();
    }
  },
  async 'parameters of all types'(c) {
    const date = new Date(Date.UTC(2024, 1, 29, 12, 34, 56));
    const [row] = await executed(c, 'SELECT ? AS n, ? AS f, ? AS s, ? AS b, ? AS z, ? AS j, CAST(? AS DATETIME) AS d',
      [42, 1.5, 'grüße 🙂', Buffer.from([0, 255, 39, 92]), null, JSON.stringify({ a: [1] }), date]);
    assert.deepEqual([row.n, row.f, row.s, row.z, row.j, row.d.getTime()], [42, 1.5, 'grüße 🙂', null, '{"a":[1]}', date.getTime()]);
    assert.ok(Buffer.from(row.b).equals(Buffer.from([0, 255, 39, 92])) || row.b.length === 4);
    assert.deepEqual(await executed(c, 'SELECT ? AS a', [true]), [{ a: 1 }]);
    assert.throws(() => c.connection.execute('SELECT ?', [undefined]), TypeError);
  },
  async 'named placeholders'() {
    const c = await open({ namedPlaceholders: true });
    assert.deepEqual(await executed(c, 'SELECT :a + :b AS s, :a AS a', { a: 1, b: 2 }), [{ s: 3, a: 1 }]);
    assert.deepEqual(await rows(c, 'SELECT :b AS b', { b: 'x' }), [{ b: 'x' }]);
    await c.end();
  },
  async 'rows as arrays, nested tables'(c) {
    assert.deepEqual((await c.query({ sql: 'SELECT 1 AS a, 2 AS a', rowsAsArray: true }))[0], [[1, 2]]);
    assert.deepEqual((await c.execute({ sql: 'SELECT 1 AS a, 2 AS a', rowsAsArray: true }))[0], [[1, 2]]);
    await c.query('CREATE OR REPLACE TEMPORARY TABLE n1 AS SELECT 1 AS id');
    assert.deepEqual((await c.query({ sql: 'SELECT * FROM n1', nestTables: true }))[0], [{ n1: { id: 1 } }]);
    assert.deepEqual((await c.query({ sql: 'SELECT * FROM n1', nestTables: '_' }))[0], [{ n1_id: 1 }]);
  },
  async 'type cast'(c) {
    const typeCast = (field, next) => (field.type === 'VAR_STRING' ? `<${field.string()}>` : next());
    assert.deepEqual((await c.query({ sql: "SELECT 'a' AS a, 1 AS b", typeCast }))[0], [{ a: '<a>', b: 1 }]);
    assert.deepEqual((await c.query({ sql: "SELECT TIME'-12:34:56' AS t", typeCast: false }))[0][0].t.toString(), '-12:34:56');
  },
  async 'dates as strings, numbers big and decimal'() {
    const c = await open({ dateStrings: true, supportBigNumbers: true, bigNumberStrings: true, decimalNumbers: true });
    for (const how of [rows, executed]) {
      assert.deepEqual(await how(c, "SELECT DATE'2024-02-29' AS d, CAST(18446744073709551615 AS UNSIGNED) AS u, CAST(1.25 AS DECIMAL(10,2)) AS n"),
        [{ d: '2024-02-29', u: '18446744073709551615', n: 1.25 }]);
    }
    await c.end();
  },
  async 'JSON, and null everywhere'(c) {
    await c.query('CREATE OR REPLACE TEMPORARY TABLE j (a INT, b VARCHAR(10), c DOUBLE, d DATETIME, e BLOB)');
    await c.execute('INSERT INTO j VALUES (?, ?, ?, ?, ?)', [null, null, null, null, null]);
    const nothing = [{ a: null, b: null, c: null, d: null, e: null }];
    assert.deepEqual(await rows(c, 'SELECT * FROM j'), nothing);
    assert.deepEqual(await executed(c, 'SELECT * FROM j'), nothing);
  },
  async 'several results'() {
    const c = await open({ multipleStatements: true });
    for (let i = 0; i < 4; i++) {
      const [results] = await c.query('SELECT 1 AS a; SET @v = 7; SELECT @v AS v; SELECT 2 AS a LIMIT 0; SELECT 3 AS b');
      assert.deepEqual([results[0], results[2], results[3], results[4]], [[{ a: 1 }], [{ v: 7 }], [], [{ b: 3 }]]);
    }
    await fails(c.query('SELECT 1; SELECT nothing_here; SELECT 2'), 1054);
    assert.equal(await value(c, 'SELECT @v'), 7);
    await c.end();
  },
  async 'results of a procedure'(c) {
    await c.query('CREATE OR REPLACE PROCEDURE p(n INT) BEGIN SELECT n AS a; SELECT n + 1 AS b; END');
    for (let i = 0; i < 3; i++) {
      const [results] = await c.query('CALL p(?)', [i]);
      assert.deepEqual([results[0], results[1]], [[{ a: i }], [{ b: i + 1 }]]);
      const [again] = await c.execute('CALL p(?)', [i]);
      assert.deepEqual([again[0], again[1]], [[{ a: i }], [{ b: i + 1 }]]);
    }
  },
  async 'a transaction that is committed, and one that is not'(c) {
    await c.query('CREATE OR REPLACE TABLE trx (id INT)');
    for (const [id, end] of [[1, 'commit'], [2, 'rollback'], [3, 'commit']]) {
      await c.beginTransaction();
      await c.query('INSERT INTO trx VALUES (?)', [id]);
      assert.equal(await value(c, 'SELECT COUNT(*) FROM trx WHERE id = ?', [id]), 1);
      await c[end]();
    }
    assert.deepEqual(await rows(c, 'SELECT id FROM trx ORDER BY id'), [{ id: 1 }, { id: 3 }]);
  },
  async 'autocommit off'(c) {
    await c.query('CREATE OR REPLACE TABLE manual (id INT)');
    await c.query('SET autocommit = 0');
    await c.query('INSERT INTO manual VALUES (1)');
    await c.query('ROLLBACK');
    await c.query('INSERT INTO manual VALUES (2)');
    await c.query('COMMIT');
    assert.deepEqual(await rows(c, 'SELECT id FROM manual'), [{ id: 2 }]);
    assert.equal(await value(c, 'SELECT @@autocommit'), 0);
  },
  async 'errors, and the session goes on'(c) {
    await c.query('SET @kept = 5');
    await fails(c.query('SELECT * FROM nothing_here'), 1146);
    await fails(c.execute('SELECT * FROM nothing_here WHERE a = ?', [1]), 1146);
    await fails(c.query('SELEC 1'), 1064);
    await fails(c.query("SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'x'"), 30001);
    assert.equal(await value(c, 'SELECT @kept'), 5);
  },
  async 'variables of the session and of its user'(c) {
    await c.query("SET time_zone = '+05:00', sql_mode = 'ANSI_QUOTES', @a = 'x', @b := 1.50, @c = NULL");
    await c.query("SELECT 'y', 8 INTO @d, @e");
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await rows(c, "SELECT @@time_zone AS z, @@sql_mode AS m, @a AS a, @b AS b, @c AS c, @d AS d, @e AS \"e\""),
        [{ z: '+05:00', m: 'ANSI_QUOTES', a: 'x', b: '1.50', c: null, d: 'y', e: 8 }]);
    }
  },
  async 'another database'(c) {
    await c.query('CREATE DATABASE IF NOT EXISTS mysql2_other');
    await c.query('USE mysql2_other');
    assert.equal(await value(c, 'SELECT DATABASE()'), 'mysql2_other');
    await c.query('CREATE OR REPLACE TABLE here (a INT)');
    await c.query('INSERT INTO here VALUES (1)');
    assert.deepEqual(await executed(c, 'SELECT * FROM here'), [{ a: 1 }]);
  },
  async 'no database'() {
    const c = await open({ database: undefined });
    assert.equal(await value(c, 'SELECT DATABASE()'), null);
    await fails(c.query('SELECT * FROM t'), 1046);
    await c.end();
  },
  async 'change of user'() {
    const c = await open();
    await c.query('SET @a = 1');
    await c.changeUser({ user, password, database: 'mysql' });
    assert.deepEqual(await rows(c, 'SELECT @a AS a, DATABASE() AS d'), [{ a: null, d: 'mysql' }]);
    await c.changeUser({ user, password, database });
    assert.equal(await value(c, 'SELECT DATABASE()'), database);
    await c.end();
  },
  async 'a temporary table, and a lock'(c) {
    await c.query('CREATE TEMPORARY TABLE tmp (a INT)');
    await c.query('INSERT INTO tmp VALUES (1), (2)');
    assert.equal(await value(c, "SELECT GET_LOCK('mysql2', 0)"), 1);
    for (let i = 0; i < 3; i++) {
      assert.equal(await value(c, 'SELECT COUNT(*) FROM tmp'), 2);
      assert.equal(await value(c, "SELECT IS_USED_LOCK('mysql2') = CONNECTION_ID()"), 1);
    }
    assert.equal(await value(c, "SELECT RELEASE_LOCK('mysql2')"), 1);
    await c.query('DROP TEMPORARY TABLE tmp');
    assert.equal(await value(c, 'SELECT 1'), 1);
  },
  async 'warnings'(c) {
    await c.query("SET sql_mode = ''");
    await c.query('CREATE OR REPLACE TEMPORARY TABLE w (a TINYINT)');
    assert.equal((await rows(c, "INSERT INTO w VALUES ('1000')")).warningStatus, 1);
    assert.deepEqual((await rows(c, 'SHOW WARNINGS')).map((w) => w.Code), [1264]);
  },
  async 'character sets'(c) {
    await c.query('SET NAMES utf8mb4 COLLATE utf8mb4_bin');
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await rows(c, "SELECT 'grüße 🙂' AS s, COLLATION('a') AS c, HEX('ü') AS h"), [{ s: 'grüße 🙂', c: 'utf8mb4_bin', h: 'C3BC' }]);
    }
    const latin = await open({ charset: 'latin1_swedish_ci' });
    assert.deepEqual(await rows(latin, "SELECT 'ü' AS s, HEX('ü') AS h, COLLATION('a') AS c"), [{ s: 'ü', h: 'FC', c: 'latin1_swedish_ci' }]);
    await latin.end();
  },
  async 'rows that are read as a stream'(c) {
    for (const method of ['query', 'execute']) {
      let sum = 0;
      for await (const row of c.connection[method]('SELECT seq FROM seq_1_to_5000').stream({ highWaterMark: 5 })) sum += Number(row.seq);
      assert.equal(sum, 12502500);
    }
    assert.equal(await value(c, 'SELECT 1'), 1);
  },
  async 'a stream that fails'(c) {
    await assert.rejects(async () => {
      for await (const row of c.connection.query('SELECT nothing_here').stream()) assert.fail(`${row}`);
    });
    assert.equal(await value(c, 'SELECT 1'), 1);
  },
  async 'a local file'(c) {
    await c.query('CREATE OR REPLACE TEMPORARY TABLE f (a INT, b VARCHAR(10))');
    const sql = "LOAD DATA LOCAL INFILE 'numbers' INTO TABLE f FIELDS TERMINATED BY ','";
    const lines = Array.from({ length: 1000 }, (_, i) => `${i},x${i}\n`);
    assert.equal((await c.query({ sql, infileStreamFactory: () => Readable.from(lines.map((l) => Buffer.from(l))) }))[0].affectedRows, 1000);
    assert.equal(await value(c, 'SELECT SUM(a) FROM f'), '499500');
  },
  async 'large values'(c) {
    for (const size of [1 << 16, 1 << 20, 17 << 20]) {
      const text = 'x'.repeat(size);
      assert.equal(await value(c, `SELECT LENGTH('${text}')`), size);
      assert.equal((await value(c, `SELECT REPEAT('y', ${size})`)).length, size);
    }
  },
  async 'killed by another'(c) {
    const victim = await open();
    const running = victim.query('SELECT SLEEP(20)').then(() => 'ended', (e) => e.code || 'error');
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    await c.query(`KILL ${victim.threadId}`);
    assert.notEqual(await running, 'ended');
    assert.equal(await value(c, 'SELECT 1'), 1);
  },
  async 'a query that is killed'(c) {
    const victim = await open();
    await victim.query('SET @kept = 1');
    const running = victim.query('SELECT SLEEP(20) AS s').then(([r]) => r[0].s, (e) => e.errno);
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    await c.query(`KILL QUERY ${victim.threadId}`);
    assert.ok([1, 1317].includes(await running));
    assert.equal(await value(victim, 'SELECT @kept'), 1);
    await victim.end();
  },
  async 'a pool'() {
    const pool = mysql.createPool({ ...account, connectionLimit: 4 });
    const all = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      const c = await pool.getConnection();
      await c.query('SET @n = ?', [i]);
      await new Promise((resolve) => { setImmediate(resolve); });
      const n = await value(c, 'SELECT @n');
      c.release();
      return n;
    }));
    assert.deepEqual(all, Array.from({ length: 40 }, (_, i) => i));
    assert.deepEqual((await pool.execute('SELECT ? AS a', [1]))[0], [{ a: 1 }]);
    await pool.end();
  },
  async 'callbacks'() {
    const c = callbacks.createConnection(account);
    const answers = await new Promise((resolve, reject) => {
      const got = [];
      c.query('SELECT 1 AS a', (e, r) => (e ? reject(e) : got.push(r[0].a)));
      c.execute('SELECT ? AS a', [2], (e, r) => (e ? reject(e) : got.push(r[0].a)));
      c.query('SELECT nothing_here', (e) => got.push(e.errno));
      c.query('SELECT 3 AS a', (e, r) => (e ? reject(e) : resolve([...got, r[0].a])));
    });
    assert.deepEqual(answers, [1, 2, 1054, 3]);
    c.end();
  },
  async 'a wrong password'() {
    await fails(open({ password: 'wrong' }), 1045);
    await fails(open({ database: 'nothing_here' }), 1049);
  },
};

async function main() {
  for (const [name, test] of Object.entries(tests)) {
    let outcome = `pass ${name}`;
    const c = await open();
    let timer;
    try {
      await Promise.race([test(c), new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('not done after 15 s')), 15000); })]);
    } catch (e) {
      outcome = `fail ${name}: ${(e && e.stack) || e}`.replace(/\n/g, ' | ');
    }
    clearTimeout(timer);
    c.destroy();
    console.log(outcome);
  }
  process.exit();
}

main();
