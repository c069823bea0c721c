import com.mysql.cj.jdbc.JdbcConnection;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Arrays;

/** MySQL Connector/J. */
final class ConnectorJ extends Suite {
    public static void main(String[] args) throws Exception {
        new ConnectorJ().start(args);
    }

    @Override
    String scheme() {
        return "jdbc:mysql";
    }

    @Override
    String options() {
        return "sslMode=DISABLED&allowPublicKeyRetrieval=false&maxAllowedPacket=1073741824&characterEncoding=UTF-8&connectionTimeZone=UTC";
    }

    @Override
    String localInfile() {
        return "allowLoadLocalInfile";
    }

    @Override
    int streamed() {
        return Integer.MIN_VALUE;
    }

    /** It knows no ed25519. */
    @Override
    String foreign(String user, String password) throws Exception {
        return message(error(() -> one(user, password, "SELECT 1")));
    }

    @Override
    void own() {
        checks.put("cursor", () -> {
            try (Connection c = open("useCursorFetch=true", SERVER_PREPARED);
                    PreparedStatement s = c.prepareStatement("SELECT id, name FROM rows10k WHERE id > ? ORDER BY id")) {
                s.setFetchSize(100);
                s.setInt(1, 0);
                long n = 0, sum = 0;
                try (ResultSet rows = s.executeQuery()) {
                    for (; rows.next(); n++) {
                        sum += rows.getInt(1);
                    }
                }
                return n + " " + sum + " then " + value(c, "SELECT 1");
            }
        });
        checks.put("cursor.two", () -> {
            // Two cursors open at once, read by turns, the second one left unread.
            try (Connection c = open("useCursorFetch=true", SERVER_PREPARED);
                    PreparedStatement a = c.prepareStatement("SELECT id FROM rows10k ORDER BY id");
                    PreparedStatement b = c.prepareStatement("SELECT id FROM rows10k ORDER BY id DESC")) {
                a.setFetchSize(7);
                b.setFetchSize(11);
                ResultSet x = a.executeQuery(), y = b.executeQuery();
                long sum = 0;
                for (int i = 0; i < 200 && x.next() && y.next(); i++) {
                    sum += x.getInt(1) - y.getInt(1);
                }
                while (x.next()) {
                    sum += x.getInt(1);
                }
                return sum + " then " + value(c, "SELECT 1");
            }
        });
        checks.put("cursor.types", () -> {
            try (Connection c = open("useCursorFetch=true", SERVER_PREPARED); PreparedStatement s = c.prepareStatement(ALL_TYPES)) {
                s.setFetchSize(2);
                s.setInt(1, 0);
                StringBuilder all = new StringBuilder();
                try (ResultSet rows = s.executeQuery()) {
                    while (rows.next()) {
                        for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
                            byte[] bytes = rows.getBytes(i);
                            all.append(bytes == null ? "NULL" : digest(bytes)).append(',');
                        }
                    }
                }
                return digest(all.toString());
            }
        });
        checks.put("change_user", () -> {
            try (Connection c = open()) {
                run(c, "SET @marker = 1", "CREATE TEMPORARY TABLE gone (id INT)");
                StringBuilder shown = new StringBuilder(value(c, WHOAMI));
                c.unwrap(JdbcConnection.class).changeUser("e2e_other", "other");
                shown.append(", ").append(value(c, WHOAMI)).append(", ").append(error(() -> value(c, "SELECT * FROM gone")).getErrorCode());
                c.unwrap(JdbcConnection.class).changeUser("e2e_empty", "");
                shown.append(", ").append(value(c, WHOAMI));
                c.unwrap(JdbcConnection.class).changeUser(user, password);
                return shown.append(", ").append(value(c, WHOAMI));
            }
        });
        checks.put("change_user.refused", () -> {
            try (Connection c = open()) {
                int code = error(() -> { c.unwrap(JdbcConnection.class).changeUser("e2e_other", "wrong"); return ""; }).getErrorCode();
                return code + ", a new connection: " + one("SELECT 1");
            }
        });
        checks.put("read_only", () -> {
            try (Connection c = open()) {
                c.setReadOnly(true);
                int code = error(() -> { run(c, "CREATE TABLE fixtures.refused (id INT)"); return ""; }).getErrorCode();
                c.setReadOnly(false);
                return code + " then " + value(c, "SELECT 1");
            }
        });
        checks.put("reset", () -> {
            try (Connection c = open()) {
                run(c, "SET @marker = 1", "CREATE TEMPORARY TABLE gone (id INT)");
                c.unwrap(JdbcConnection.class).resetServerState();
                return value(c, WHOAMI) + " " + error(() -> value(c, "SELECT * FROM gone")).getErrorCode();
            }
        });
        checks.put("batch", () -> batch());
        checks.put("batch.rewritten", () -> batch("rewriteBatchedStatements=true"));
        checks.put("batch.rewritten_binary", () -> batch("rewriteBatchedStatements=true", SERVER_PREPARED));
        checks.put("batch.statements", () -> {
            try (Connection c = open("rewriteBatchedStatements=true"); Statement s = c.createStatement()) {
                run(c, "CREATE TEMPORARY TABLE b (id INT)");
                for (int i = 0; i < 100; i++) {
                    s.addBatch("INSERT INTO b VALUES (" + i + ")");
                }
                return Arrays.stream(s.executeBatch()).sum() + " " + value(c, "SELECT SUM(id) FROM b");
            }
        });
        checks.put("prepare.cache", () -> {
            try (Connection c = open(SERVER_PREPARED, "cachePrepStmts=true", "prepStmtCacheSize=8")) {
                long sum = 0;
                for (int i = 0; i < 60; i++) {
                    try (PreparedStatement s = c.prepareStatement("SELECT ? + " + i % 20)) {
                        s.setInt(1, i);
                        ResultSet rows = s.executeQuery();
                        rows.next();
                        sum += rows.getInt(1);
                    }
                }
                return sum;
            }
        });
        checks.put("variables", () -> one("SELECT CONCAT(@@sql_mode, ' ', @@lock_wait_timeout)", "sessionVariables=sql_mode='ANSI_QUOTES',lock_wait_timeout=77"));
        checks.put("auth.attributes", () -> one("SELECT CURRENT_USER()", "connectionAttributes=long:" + "7".repeat(500)));
    }

    private String batch(String... more) throws Exception {
        try (Connection c = open(more)) {
            run(c, "CREATE TEMPORARY TABLE b (id INT, v TEXT)");
            int sum = 0;
            try (PreparedStatement s = c.prepareStatement("INSERT INTO b VALUES (?, ?)")) {
                for (int i = 0; i < 2000; i++) {
                    s.setInt(1, i);
                    s.setString(2, i % 7 == 0 ? null : "value " + i);
                    s.addBatch();
                }
                sum = s.executeBatch().length;
            }
            return sum + " " + value(c, "SELECT CONCAT(COUNT(*), ' ', SUM(LENGTH(v)), ' ', MD5(GROUP_CONCAT(id, IFNULL(v, 'null') ORDER BY id))) FROM b");
        }
    }
}
