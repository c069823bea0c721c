import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Arrays;

/** MariaDB Connector/J, which pipelines: prepare with execute, batches, and what it asks at connect. */
final class MariaDBJ extends Suite {
    public static void main(String[] args) throws Exception {
        new MariaDBJ().start(args);
    }

    @Override
    String scheme() {
        return "jdbc:mariadb";
    }

    @Override
    String options() {
        return "sslMode=disable&maxAllowedPacket=1073741824";
    }

    @Override
    String localInfile() {
        return "allowLocalInfile";
    }

    @Override
    int streamed() {
        return 100;
    }

    @Override
    void own() {
        checks.put("reset", () -> {
            try (Connection c = open("useResetConnection=true")) {
                run(c, "SET @marker = 1", "CREATE TEMPORARY TABLE gone (id INT)");
                c.unwrap(org.mariadb.jdbc.Connection.class).reset();
                return value(c, WHOAMI) + " " + error(() -> value(c, "SELECT * FROM gone")).getErrorCode();
            }
        });
        for (String pipeline : new String[] {"disablePipeline=false", "disablePipeline=true"}) {
            String suffix = pipeline.endsWith("true") ? "_one_by_one" : "";
            checks.put("batch" + suffix, () -> batch(pipeline, "useBulkStmts=false"));
            checks.put("batch.binary" + suffix, () -> batch(pipeline, "useBulkStmts=false", SERVER_PREPARED));
            checks.put("batch.error" + suffix, () -> batchError(pipeline, "useBulkStmts=false"));
            checks.put("prepare.missing" + suffix, () -> prepareMissing(pipeline));
        }
        checks.put("batch.bulk", () -> batch("useBulkStmts=true", SERVER_PREPARED));
        checks.put("batch.bulk_inserts", () -> batch("useBulkStmtsForInserts=true", SERVER_PREPARED));
        checks.put("batch.bulk_error", () -> batchError("useBulkStmts=true", SERVER_PREPARED));
        checks.put("batch.large", () -> {
            // Megabytes of questions before the first answer is read.
            try (Connection c = open("useBulkStmts=false")) {
                run(c, "CREATE TEMPORARY TABLE b (id INT, v LONGTEXT)");
                try (PreparedStatement s = c.prepareStatement("INSERT INTO b VALUES (?, ?)")) {
                    for (int i = 0; i < 24; i++) {
                        s.setInt(1, i);
                        s.setString(2, "l".repeat(1 << 20));
                        s.addBatch();
                    }
                    s.executeBatch();
                }
                return value(c, "SELECT CONCAT(COUNT(*), ' ', SUM(LENGTH(v))) FROM b");
            }
        });
        checks.put("batch.statements", () -> {
            try (Connection c = open(); Statement s = c.createStatement()) {
                run(c, "CREATE TEMPORARY TABLE b (id INT)");
                for (int i = 0; i < 100; i++) {
                    s.addBatch("INSERT INTO b VALUES (" + i + ")");
                }
                return Arrays.stream(s.executeBatch()).sum() + " " + value(c, "SELECT SUM(id) FROM b");
            }
        });
        checks.put("batch.returning", () -> {
            try (Connection c = open(SERVER_PREPARED)) {
                run(c, "CREATE TEMPORARY TABLE b (id INT AUTO_INCREMENT PRIMARY KEY, v TEXT)");
                try (PreparedStatement s = c.prepareStatement("INSERT INTO b (v) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
                    for (String v : new String[] {"a", "b", "c"}) {
                        s.setString(1, v);
                        s.addBatch();
                    }
                    s.executeBatch();
                    StringBuilder shown = new StringBuilder();
                    ResultSet keys = s.getGeneratedKeys();
                    while (keys.next()) {
                        shown.append(keys.getInt(1)).append(' ');
                    }
                    return shown;
                }
            }
        });
        checks.put("error.timeout", () -> {
            // This driver has the server end the statement; Connector/J would KILL it from another connection.
            try (Connection c = open(); Statement s = c.createStatement()) {
                s.setQueryTimeout(1);
                var e = error(() -> s.executeQuery("SELECT COUNT(*) FROM seq_1_to_100000 a, seq_1_to_100000 b"));
                s.close();
                return e.getErrorCode() + " then " + value(c, "SELECT 1");
            }
        });
        checks.put("variables", () -> one("SELECT CONCAT(@@sql_mode, ' ', @@lock_wait_timeout)", "sessionVariables=sql_mode='ANSI_QUOTES',lock_wait_timeout=77"));
        checks.put("auth.attributes", () -> one("SELECT CURRENT_USER()", "connectionAttributes=long:" + "7".repeat(500)));
    }

    private String batch(String... more) throws Exception {
        try (Connection c = open(more)) {
            run(c, "CREATE TEMPORARY TABLE b (id INT, v TEXT)");
            int n;
            try (PreparedStatement s = c.prepareStatement("INSERT INTO b VALUES (?, ?)")) {
                for (int i = 0; i < 2000; i++) {
                    s.setInt(1, i);
                    s.setString(2, i % 7 == 0 ? null : "value " + i);
                    s.addBatch();
                }
                n = s.executeBatch().length;
            }
            return n + " " + value(c, "SELECT CONCAT(COUNT(*), ' ', SUM(LENGTH(v)), ' ', MD5(GROUP_CONCAT(id, IFNULL(v, 'null') ORDER BY id))) FROM b");
        }
    }

    /** An error in the middle of a batch. */
    private String batchError(String... more) throws Exception {
        try (Connection c = open(more)) {
            run(c, "CREATE TEMPORARY TABLE b (id INT PRIMARY KEY, v INT)");
            try (PreparedStatement s = c.prepareStatement("INSERT INTO b VALUES (?, ?)")) {
                for (int id : new int[] {1, 2, 1, 3}) {
                    s.setInt(1, id);
                    s.setInt(2, id);
                    s.addBatch();
                }
                var e = (BatchUpdateException) error(() -> s.executeBatch());
                return e.getErrorCode() + " " + e.getSQLState() + " " + Arrays.toString(e.getUpdateCounts()) + " then " + value(c, "SELECT COUNT(*) FROM b");
            }
        }
    }

    /** COM_STMT_EXECUTE is sent behind a COM_STMT_PREPARE that fails. */
    private String prepareMissing(String pipeline) throws Exception {
        try (Connection c = open(pipeline, SERVER_PREPARED)) {
            StringBuilder codes = new StringBuilder();
            for (int i = 0; i < 3; i++) {
                codes.append(error(() -> {
                    try (PreparedStatement s = c.prepareStatement("SELECT * FROM nowhere WHERE id = ?")) {
                        s.setInt(1, 1);
                        return s.execute();
                    }
                }).getErrorCode()).append(' ');
            }
            return codes + "then " + value(c, "SELECT 1");
        }
    }
}
