import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * What both JDBC clients of the end-to-end suite share; package e2e says how they are called and what they print. A
 * client gives its URL scheme and the names of its options, and adds checks of its own.
 */
abstract class Suite extends Results {
    void start(String[] args) throws Exception {
        host = args[0];
        port = args[1];
        user = args[2];
        password = args[3];
        scratch = args[4];
        loadFiles = System.getenv("E2E_LOAD_FILES");
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        if (args[5].equals("connect")) {
            for (int i = 0; i < Integer.parseInt(args[6]); i++) {
                require("e2e@%".equals(one("SELECT CURRENT_USER()")), "another account");
            }
            out.println("connect\t" + args[6]);
            return;
        }
        login();
        types();
        results();
        packets();
        statements();
        changes();
        sessions();
        failures();
        own();
        for (var check : checks.entrySet()) {
            String outcome;
            try {
                outcome = String.valueOf(check.getValue().call());
            } catch (Throwable e) {
                outcome = "!UNEXPECTED " + e + " at " + java.util.Arrays.asList(e.getStackTrace()).subList(0, Math.min(6, e.getStackTrace().length));
            }
            out.println(check.getKey() + "\t" + outcome.replace("\n", "\\n"));
        }
        System.exit(0); // threads of a connection that a check left open end here
    }

    /** Adds the checks that only this client can make. */
    abstract void own();

    private void statements() {
        checks.put("multi.statements", () -> sets("SELECT 1 AS a; SELECT 2 AS b, 3 AS c UNION SELECT 4, 5; DO 0; SELECT NULL LIMIT 0; SELECT 'last'"));
        checks.put("multi.error", () -> sets("SELECT 1 AS a; SELECT * FROM nowhere; SELECT 3"));
        checks.put("proc.results", () -> sets("CALL p_results(7)"));
        checks.put("proc.results_binary", () -> {
            try (Connection c = open(SERVER_PREPARED)) {
                CallableStatement s = c.prepareCall("{call p_results(?)}");
                s.setInt(1, 7);
                return sets(c, s, s.execute());
            }
        });
        checks.put("proc.out", () -> out());
        checks.put("proc.out_binary", () -> out(SERVER_PREPARED));
        checks.put("proc.fails", () -> sets("CALL p_fails()"));
        checks.put("load.local", () -> {
            try (Connection c = open(localInfile() + "=true")) {
                return load(c, "rows.csv") + " " + load(c, "empty.csv") + " " + load(c, "big.csv");
            }
        });
        checks.put("load.missing_file", () -> {
            try (Connection c = open(localInfile() + "=true")) {
                return error(() -> load(c, "missing.csv")).getErrorCode() + " then " + value(c, "SELECT 1");
            }
        });
        checks.put("load.not_asked_for", () -> {
            try (Connection c = open(localInfile() + "=false")) {
                return error(() -> load(c, "rows.csv")).getErrorCode() + " then " + value(c, "SELECT 1");
            }
        });
    }

    private void changes() {
        checks.put("insert_id", () -> {
            try (Connection c = open(); Statement s = c.createStatement()) {
                run(c, "CREATE TEMPORARY TABLE i (id INT AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = 1000");
                int n = s.executeUpdate("INSERT INTO i (v) VALUES (1), (2), (3)", Statement.RETURN_GENERATED_KEYS);
                try (ResultSet keys = s.getGeneratedKeys()) {
                    keys.next();
                    return keys.getLong(1) + " " + n;
                }
            }
        });
        checks.put("affected", () -> {
            List<String> shown = new ArrayList<>();
            for (String found : new String[] {"useAffectedRows=true", "useAffectedRows=false"}) {
                try (Connection c = open(found); Statement s = c.createStatement()) {
                    run(c, "CREATE TEMPORARY TABLE a AS SELECT * FROM rows10k");
                    shown.add("" + s.executeUpdate("UPDATE a SET name = 'row-1' WHERE id <= 300"));
                    shown.add("" + s.executeLargeUpdate("DELETE FROM a"));
                }
            }
            return String.join(" ", shown);
        });
        checks.put("tx", () -> transactions());
        checks.put("tx.savepoint", () -> {
            try (Connection c = open()) {
                run(c, "CREATE TEMPORARY TABLE tx (id INT) ENGINE=InnoDB");
                c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
                c.setAutoCommit(false);
                run(c, "INSERT INTO tx VALUES (1)");
                var savepoint = c.setSavepoint("here");
                run(c, "INSERT INTO tx VALUES (2)");
                c.rollback(savepoint);
                c.commit();
                return value(c, "SELECT COUNT(*) FROM tx") + " " + c.getTransactionIsolation();
            }
        });
        checks.put("warnings", () -> {
            try (Connection c = open(); Statement s = c.createStatement()) {
                s.executeQuery("SELECT 1/0").close();
                return s.getWarnings().getErrorCode();
            }
        });
    }

    private void sessions() {
        checks.put("use", () -> {
            try (Connection c = open()) {
                c.setCatalog("fixtures_2");
                String first = value(c, "SELECT DATABASE()");
                c.setCatalog("fixtures");
                return first + " " + value(c, "SELECT DATABASE()");
            }
        });
        checks.put("ping", () -> {
            try (Connection c = open()) {
                return c.isValid(10) + " " + c.isValid(10) + " " + value(c, "SELECT 1");
            }
        });
        checks.put("prepare.many", () -> {
            try (Connection c = open(SERVER_PREPARED)) {
                List<PreparedStatement> all = new ArrayList<>();
                for (int i = 0; i < 300; i++) {
                    all.add(c.prepareStatement("SELECT ? + " + i));
                }
                long sum = 0;
                for (int i = 0; i < 600; i++) {
                    PreparedStatement s = all.get((i * 7) % 300);
                    s.setInt(1, i);
                    try (ResultSet rows = s.executeQuery()) {
                        rows.next();
                        sum += rows.getLong(1);
                    }
                }
                for (PreparedStatement s : all) {
                    s.close();
                }
                return sum + " then " + value(c, "SELECT 1");
            }
        });
        checks.put("threads", () -> {
            ExecutorService pool = Executors.newFixedThreadPool(16);
            List<Future<Integer>> answers = new ArrayList<>();
            for (int w = 0; w < 16; w++) {
                int worker = w;
                answers.add(pool.submit(() -> ask(worker)));
            }
            int n = 0;
            for (Future<Integer> answer : answers) {
                n += answer.get();
            }
            pool.shutdown();
            return n + " answers";
        });
        checks.put("scratch", () -> {
            try (Connection c = login(user, password, scratch)) {
                run(c, "CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, v TEXT)", "LOCK TABLES t WRITE",
                        "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "UNLOCK TABLES", "DELETE FROM t WHERE id = 1");
                return value(c, "SELECT GROUP_CONCAT(v) FROM t");
            }
        });
    }

    private int ask(int worker) throws Exception {
        try (Connection c = open(SERVER_PREPARED); PreparedStatement s = c.prepareStatement("SELECT CONCAT(?, '-', ?, '-', REPEAT('z', ?))")) {
            for (int q = 0; q < 50; q++) {
                s.setInt(1, worker);
                s.setInt(2, q);
                s.setInt(3, worker * q);
                try (ResultSet rows = s.executeQuery()) {
                    rows.next();
                    require((worker + "-" + q + "-" + "z".repeat(worker * q)).equals(rows.getString(1)), "another's answer");
                }
            }
            return 50;
        }
    }

    private String out(String... more) throws Exception {
        try (Connection c = open(more); CallableStatement s = c.prepareCall("{call p_out(?, ?, ?)}")) {
            s.setInt(1, 21);
            s.registerOutParameter(2, Types.INTEGER);
            s.setInt(3, 5);
            s.registerOutParameter(3, Types.INTEGER);
            s.execute();
            return s.getInt(2) + " " + s.getInt(3) + " then " + value(c, "SELECT 1");
        }
    }

    private String load(Connection c, String name) throws SQLException {
        run(c, "CREATE OR REPLACE TEMPORARY TABLE l (id INT, v LONGTEXT)");
        try (Statement s = c.createStatement()) {
            int n = s.executeUpdate("LOAD DATA LOCAL INFILE '" + loadFiles + "/" + name + "' INTO TABLE l FIELDS TERMINATED BY ','");
            return n == 0 ? "0" : n + " " + value(c, "SELECT IF(MAX(LENGTH(v)) > 1000, SUM(LENGTH(v)), SUM(id)) FROM l");
        }
    }

    private String transactions() throws Exception {
        List<String> shown = new ArrayList<>();
        try (Connection c = open()) {
            run(c, "CREATE TEMPORARY TABLE tx (id INT) ENGINE=InnoDB");
            c.setAutoCommit(false);
            run(c, "INSERT INTO tx VALUES (1)");
            c.commit();
            shown.add(value(c, "SELECT COUNT(*) FROM tx"));
            run(c, "INSERT INTO tx VALUES (1)");
            c.rollback();
            shown.add(value(c, "SELECT COUNT(*) FROM tx"));
            c.setAutoCommit(true);
            run(c, "SET autocommit = 0", "INSERT INTO tx VALUES (2)", "ROLLBACK", "SET autocommit = 1");
            shown.add(value(c, "SELECT COUNT(*) FROM tx"));
        }
        return String.join(" ", shown);
    }

    private void failures() {
        checks.put("error.syntax", () -> failing(false, "SELEC 1"));
        checks.put("error.unknown_table", () -> failing(false, "SELECT * FROM nowhere"));
        checks.put("error.duplicate", () -> failing(false, "CREATE TEMPORARY TABLE d (id INT PRIMARY KEY)", "INSERT INTO d VALUES (1)", "INSERT INTO d VALUES (1)"));
        checks.put("error.signal", () -> failing(true, "SIGNAL SQLSTATE '45001' SET MYSQL_ERRNO = 30001, MESSAGE_TEXT = 'signalled: é'"));
        checks.put("error.prepare", () -> {
            try (Connection c = open(SERVER_PREPARED)) {
                SQLException e = error(() -> {
                    try (PreparedStatement s = c.prepareStatement("SELECT * FROM nowhere WHERE id = ?")) {
                        s.setInt(1, 1);
                        return s.execute();
                    }
                });
                return e.getErrorCode() + " then " + value(c, "SELECT 1");
            }
        });
        checks.put("error.midresult", () -> {
            try (Connection c = open(); Statement s = c.createStatement()) {
                s.setFetchSize(streamed());
                SQLException e = error(() -> {
                    try (ResultSet rows = s.executeQuery("SELECT id, (SELECT seq FROM seq_1_to_2 WHERE seq <= IF(r.id < 5000, 1, 2)) FROM rows10k AS r ORDER BY id")) {
                        while (rows.next()) {
                            rows.getInt(1);
                        }
                    }
                    return "all rows";
                });
                s.close();
                return e.getErrorCode() + " then " + value(c, "SELECT 1");
            }
        });
    }
}
