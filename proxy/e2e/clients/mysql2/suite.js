// The npm mysql2 client of the end-to-end suite; package e2e says how it is called and what it prints.
'use strict';

const fs = require('fs');
const { Readable } = require('stream');
const mysql = require('mysql2/promise');
const suite = require('../suite.js');

const { digest, error, show } = suite;
const one = 'SELECT 1 AS v';

const open = (options = {}) => mysql.createConnection({
  ...suite.account, database: 'fixtures', charset: 'utf8mb4', connectTimeout: 20000, supportBigNumbers: true, compress: suite.compress,
  infileStreamFactory: (path) => fs.createReadStream(path), ...options,
});

// on runs f on a new connection and closes it.
async function on(f, options) {
  const connection = await open(options);
  try {
    return await f(connection);
  } finally {
    await connection.end().catch(() => connection.destroy());
  }
}

const value = async (connection, query, args) => Object.values((await connection.query(query, args))[0][0])[0];
const ask = (query, options) => on((c) => value(c, query), options);
const code = async (promise) => (await error(promise)).errno;

// failing: the last query fails, and the connection lives on.
const failing = (describe, ...queries) => on(async (c) => {
  const last = queries.pop();
  for (const query of queries) await c.query(query);
  return `${describe(await error(c.query(last)))} then ${await value(c, one)}`;
});

// sets: every result set of the answer, or the error in its place, then one more question on the same connection.
const sets = (query, method = 'query', args) => on(async (c) => {
  let shown;
  try {
    const [results, fields] = await c[method](query, args);
    shown = `${show(results)} ${show((fields || []).map((f) => (Array.isArray(f) ? f.map((x) => x.name) : f && f.name)))}`;
  } catch (e) {
    shown = `${e.errno} ${e.sqlState} ${e.message}`;
  }
  return `${shown} then ${await value(c, one)}`;
}, { multipleStatements: true });

// stream reads rows as they come; stop after some, by destroying nothing but the reading.
const stream = (c, query, onRow) => new Promise((resolve, reject) => {
  c.connection.query(query).on('result', onRow).on('error', reject).on('end', resolve);
});

async function load(c, name) {
  await c.query('CREATE OR REPLACE TEMPORARY TABLE l (id INT, v LONGTEXT)');
  const [result] = await c.query(`LOAD DATA LOCAL INFILE '${suite.loadFile(name)}' INTO TABLE l FIELDS TERMINATED BY ','`);
  if (result.affectedRows === 0) return '0';
  return `${result.affectedRows} ${await value(c, 'SELECT IF(MAX(LENGTH(v)) > 1000, SUM(LENGTH(v)), SUM(id)) FROM l')}`;
}

const whoami = (c) => value(c, "SELECT CONCAT(CURRENT_USER(), ' ', IFNULL(DATABASE(), 'none'), ' ', IFNULL(@marker, 'clean'))");

suite.run({
  'auth.password': () => ask('SELECT CURRENT_USER()'),
  'auth.empty': () => ask('SELECT CURRENT_USER()', { user: 'e2e_empty', password: '' }),
  'auth.wrong_password': () => code(open({ password: 'wrong' })),
  'auth.unknown_database': () => code(open({ database: 'nowhere' })),
  // It knows no ed25519.
  'auth.ed25519': async () => (await error(open({ user: 'e2e_ed25519', password: 'edwards' }))).message,
  'auth.switch': async () => (await error(open({ user: 'e2e_multi', password: 'native' }))).message,
  'auth.no_database': async () => show(await ask('SELECT DATABASE()', { database: undefined })),
  'auth.charset': () => ask('SELECT CONCAT(@@character_set_client, " ", HEX("é"))', { charset: 'latin1' }),
  'auth.attributes': () => ask('SELECT CURRENT_USER()', { connectAttributes: { program: 'e2e', long: '7'.repeat(500) } }),
  compress: async () => show(await ask("SELECT REPEAT('compress me ', 100000)", { compress: true })),
  'types.metadata': () => on(async (c) => {
    const [, fields] = await c.query('SELECT * FROM types ORDER BY id');
    return fields.map((f) => [f.name, f.orgName, f.table, f.orgTable, f.schema, f.columnLength, f.characterSet, f.flags,
      f.columnType, f.decimals].join(' ')).join(', ');
  }),
  'types.text': () => on(async (c) => show((await c.query('SELECT * FROM types ORDER BY id'))[0])),
  'types.binary': () => on(async (c) => show((await c.execute(suite.allTypes, [0]))[0])),
  'types.text_strings': () => on(async (c) => show((await c.query(suite.allTypes, [0]))[0]), { dateStrings: true, bigNumberStrings: true }),
  'types.binary_strings': () => on(async (c) => show((await c.execute(suite.allTypes, [0]))[0]), { dateStrings: true, bigNumberStrings: true }),
  'types.parameters': () => on(async (c) => {
    const shown = [];
    for (const v of suite.parameters) {
      const [[row]] = await c.execute("SELECT CONCAT_WS(' ', LENGTH(v), MD5(v), v IS NULL) AS v FROM (SELECT ? AS v) AS p", [v]);
      shown.push(row.v);
    }
    return shown.join(', ');
  }),
  'rows.10000': () => on(async (c) => suite.rowsDigest((await c.query('SELECT id, name FROM rows10k ORDER BY id'))[0])),
  'rows.10000_binary': () => on(async (c) => suite.rowsDigest((await c.execute('SELECT id, name FROM rows10k WHERE id > ? ORDER BY id', [0]))[0])),
  'rows.10000_stream': () => on(async (c) => {
    const rows = [];
    await stream(c, 'SELECT id, name FROM rows10k ORDER BY id', (row) => rows.push(row));
    return suite.rowsDigest(rows);
  }),
  'rows.paused': () => on(async (c) => {
    // The reader stops for a while: what the server sends waits on the way.
    let n = 0;
    await stream(c, "SELECT seq AS id, REPEAT('y', 2000) AS name FROM seq_1_to_10000", () => {
      if (++n % 2500 === 0) {
        c.connection.pause();
        setTimeout(() => c.connection.resume(), 50);
      }
    });
    return n;
  }),
  'rows.20mb': () => on(async (c) => suite.bodyDigest((await c.query('SELECT REPEAT(SHA2(seq, 256), 1600) AS v FROM seq_1_to_200'))[0])),
  'rows.edges': () => on(async (c) => {
    const shown = [];
    for (const n of suite.edges) shown.push(suite.sizeOf(await value(c, `SELECT REPEAT('x', ${n})`)));
    return shown.join(',');
  }),
  'packet.edges': () => on(async (c) => {
    const shown = [];
    for (const query of suite.edgeQueries) shown.push(await value(c, query));
    return shown.join(',');
  }),
  'packet.17mb': () => on(async (c) => {
    await c.query('CREATE TEMPORARY TABLE big (v LONGBLOB)');
    await c.execute('INSERT INTO big VALUES (?)', [suite.seventeen]);
    const [[row]] = await c.execute('SELECT v FROM big');
    return `${row.v.length} ${digest(row.v)}`;
  }),
  'packet.too_big': async () => {
    const e = await error(ask(`SELECT LENGTH('${'x'.repeat(70 << 20)}')`));
    return `${e ? 'error' : ''} then ${await ask(one)}`;
  },
  'columns.1000': () => on(async (c) => {
    const cells = Object.values((await c.query(suite.columns))[0][0]);
    return `${cells.length} ${cells.reduce((a, b) => a + b)}`;
  }),
  'result.abandoned': async () => {
    // The connection is cut in the middle of a result; the next one works.
    const c = await open();
    await new Promise((resolve) => c.connection.query("SELECT seq, REPEAT('y', 1000) FROM seq_1_to_20000").once('result', resolve));
    c.destroy();
    return ask(one);
  },
  'result.too_big': () => on(async (c) => `${show(await value(c, "SELECT REPEAT('x', 70000000)"))} then ${await value(c, 'SELECT @@warning_count')}`),
  'multi.statements': () => sets("SELECT 1 AS a; SELECT 2 AS b, 3 AS c UNION SELECT 4, 5; DO 0; SELECT NULL LIMIT 0; SELECT 'last'"),
  'multi.error': () => sets('SELECT 1 AS a; SELECT * FROM nowhere; SELECT 3'),
  'proc.results': () => sets('CALL p_results(7)'),
  'proc.results_binary': () => sets('CALL p_results(?)', 'execute', [7]),
  'proc.out': () => on(async (c) => {
    await c.query('SET @counter = 5');
    await c.query('CALL p_out(21, @doubled, @counter)');
    return value(c, "SELECT CONCAT(@doubled, ' ', @counter)");
  }),
  'proc.out_binary': () => sets('CALL p_out(?, ?, ?)', 'execute', [21, null, 5]),
  'proc.fails': () => sets('CALL p_fails()'),
  'load.local': () => on(async (c) => {
    const shown = [];
    for (const name of ['rows.csv', 'empty.csv', 'big.csv']) shown.push(await load(c, name));
    return shown.join(' ');
  }),
  'load.stream': () => on(async (c) => {
    await c.query('CREATE TEMPORARY TABLE l (id INT, v TEXT)');
    const [result] = await c.query({
      sql: "LOAD DATA LOCAL INFILE 'anything' INTO TABLE l FIELDS TERMINATED BY ','",
      infileStreamFactory: () => Readable.from(['1,a\n', '2,', 'b\n3,c\n'].map((text) => Buffer.from(text))),
    });
    return `${result.affectedRows} ${await value(c, 'SELECT GROUP_CONCAT(v) FROM l')}`;
  }),
  'load.missing_file': () => on(async (c) => {
    const e = await error(load(c, 'missing.csv'));
    return `${e.code} then ${await value(c, one)}`;
  }),
  'error.syntax': () => failing((e) => e.errno, 'SELEC 1'),
  'error.unknown_table': () => failing((e) => e.errno, 'SELECT * FROM nowhere'),
  'error.duplicate': () => failing((e) => e.errno, 'CREATE TEMPORARY TABLE d (id INT PRIMARY KEY)', 'INSERT INTO d VALUES (1)', 'INSERT INTO d VALUES (1)'),
  'error.signal': () => failing((e) => `${e.errno} ${e.sqlState} ${e.sqlMessage}`,
    "SIGNAL SQLSTATE '45001' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'signalled: é'"),
  'error.prepare': () => on(async (c) => `${await code(c.prepare('SELECT * FROM nowhere WHERE id = ?'))} then ${await value(c, one)}`),
  'error.midresult': () => on(async (c) => {
    let n = 0;
    const e = await error(stream(c, suite.midresult, () => n++));
    return `${n} rows ${e.errno} then ${await value(c, one)}`;
  }),
  insert_id: () => on(async (c) => {
    await c.query('CREATE TEMPORARY TABLE i (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 1000');
    const [result] = await c.query('INSERT INTO i (v) VALUES (1), (2), (3)');
    return `${result.insertId} ${result.affectedRows}`;
  }),
  affected: async () => {
    const shown = [];
    for (const flags of ['', '-FOUND_ROWS']) {
      await on(async (c) => {
        await c.query('CREATE TEMPORARY TABLE a AS SELECT * FROM rows10k');
        for (const query of ["UPDATE a SET name = 'row-1' WHERE id <= 300", 'DELETE FROM a']) {
          const [r] = await c.query(query);
          shown.push(r.affectedRows, r.changedRows, r.info, r.warningStatus);
        }
      }, { flags });
    }
    return show(shown);
  },
  tx: () => on(async (c) => {
    const shown = [];
    await c.query('CREATE TEMPORARY TABLE tx (id INT) ENGINE=InnoDB');
    for (const end of ['commit', 'rollback']) {
      await c.beginTransaction();
      await c.execute('INSERT INTO tx VALUES (?)', [1]);
      await c[end]();
      shown.push(await value(c, 'SELECT COUNT(*) FROM tx'));
    }
    for (const query of ['SET autocommit = 0', 'INSERT INTO tx VALUES (2)', 'ROLLBACK', 'SET autocommit = 1']) await c.query(query);
    shown.push(await value(c, 'SELECT COUNT(*) FROM tx'));
    return shown.join(' ');
  }),
  warnings: () => on(async (c) => {
    await c.query('SELECT 1/0');
    return (await c.query('SHOW WARNINGS'))[0][0].Code;
  }),
  use: () => on(async (c) => {
    await c.query('USE fixtures_2');
    const first = await value(c, 'SELECT DATABASE()');
    await c.query('USE fixtures');
    return `${first} ${await value(c, 'SELECT DATABASE()')}`;
  }),
  ping: () => on(async (c) => `${show(await c.ping())} ${show(await c.ping())}`),
  change_user: () => on(async (c) => {
    await c.query('SET @marker = 1');
    const shown = [await whoami(c)];
    await c.changeUser({ user: 'e2e_other', password: 'other', database: 'fixtures_2' });
    shown.push(await whoami(c));
    // Its changeUser cannot take an empty password after another.
    await c.changeUser({ ...suite.account, database: 'fixtures' });
    shown.push(await whoami(c));
    return shown.join(', ');
  }),
  'change_user.refused': () => on(async (c) => {
    const e = await error(c.changeUser({ user: 'e2e_other', password: 'wrong', database: 'fixtures' }));
    return `${e.errno}, a new connection: ${await ask(one)}`;
  }),
  reset: () => on(async (c) => {
    await c.query('SET @marker = 1');
    await c.query('CREATE TEMPORARY TABLE gone (id INT)');
    if (typeof c.connection.reset !== 'function') throw new Error('no reset');
    await new Promise((resolve, reject) => c.connection.reset((e) => (e ? reject(e) : resolve())));
    return `${await whoami(c)} ${await code(c.query('SELECT * FROM gone'))}`;
  }),
  'prepare.many': () => on(async (c) => {
    const statements = await Promise.all(Array.from({ length: 300 }, (_, i) => c.prepare(`SELECT ? + ${i} AS v`)));
    let sum = 0;
    for (let i = 0; i < 600; i++) sum += Number((await statements[(i * 7) % 300].execute([i]))[0][0].v);
    await Promise.all(statements.map((s) => s.close()));
    return `${sum} then ${await value(c, one)}`;
  }),
  'prepare.cache': () => on(async (c) => {
    // More texts than the cache of prepared statements holds: some are closed on the way.
    let sum = 0;
    for (let i = 0; i < 60; i++) sum += Number((await c.execute(`SELECT ? + ${i % 20} AS v`, [i]))[0][0].v);
    return sum;
  }, { maxPreparedStatements: 8 }),
  queue: () => on(async (c) => {
    // Asked at once on one connection; the client sends them one after the other.
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) =>
      (i % 10 === 9 ? c.query('SELECT * FROM nowhere').catch((e) => [[{ v: e.errno }]]) : c.query(`SELECT ${i} AS v`))));
    return answers.map(([[row]]) => row.v).join(' ');
  }),
  pool: async () => {
    const pool = mysql.createPool({ ...suite.account, database: 'fixtures', connectionLimit: 16 });
    const answers = await Promise.all(Array.from({ length: 400 }, (_, i) => pool.execute("SELECT CONCAT(?, '-', REPEAT('z', ?)) AS v", [String(i), i])));
    await pool.end();
    const wrong = answers.filter(([[row]], i) => row.v !== `${i}-${'z'.repeat(i)}`);
    if (wrong.length) throw new Error(`${wrong.length} wrong answers`);
    return `${answers.length} answers`;
  },
  session_track: () => on(async (c) => {
    await c.query("SET SESSION session_track_system_variables = 'autocommit,sql_mode', session_track_schema = 1");
    const [a] = await c.query("SET sql_mode = 'ANSI_QUOTES'");
    const [b] = await c.query('USE fixtures_2');
    return `${show(a.stateChanges)} ${show(b.stateChanges)}`;
  }),
  scratch: () => on(async (c) => {
    for (const query of ['CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, v TEXT)', 'LOCK TABLES t WRITE',
      "INSERT INTO t VALUES (1, 'a'), (2, 'b')", 'UNLOCK TABLES', 'DELETE FROM t WHERE id = 1']) await c.query(query);
    return value(c, 'SELECT GROUP_CONCAT(v) FROM t');
  }, { database: suite.scratch }),
}, () => ask('SELECT CURRENT_USER()'));
