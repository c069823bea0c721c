import java.io.ByteArrayInputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** The checks of logins, column types and large or many rows. */
abstract class Results extends Client {
    void login() {
        checks.put("auth.password", () -> one("SELECT CURRENT_USER()"));
        checks.put("auth.empty", () -> one("e2e_empty", "", "SELECT CURRENT_USER()"));
        checks.put("auth.wrong_password", () -> error(() -> one("e2e", "wrong", "SELECT 1")).getErrorCode());
        checks.put("auth.unknown_database", () -> error(() -> login(user, password, "nowhere")).getErrorCode());
        checks.put("auth.ed25519", () -> foreign("e2e_ed25519", "edwards"));
        checks.put("auth.switch", () -> foreign("e2e_multi", "native"));
        checks.put("auth.no_database", () -> {
            try (Connection c = login(user, password, "")) {
                return show(value(c, "SELECT DATABASE()"));
            }
        });
        checks.put("compress", () -> show(one("SELECT REPEAT('compress me ', 100000)", "useCompression=true")));
        checks.put("compress.large", () -> {
            try (Connection c = open("useCompression=true")) {
                return value(c, "SELECT CRC32('" + "c".repeat(17 << 20) + "')");
            }
        });
    }

    /** Logs in by a plugin that the driver may not know. */
    String foreign(String user, String password) throws Exception {
        return one(user, password, "SELECT CURRENT_USER()");
    }

    void types() {
        checks.put("types.metadata", () -> {
            try (Connection c = open(); Statement s = c.createStatement()) {
                ResultSetMetaData m = s.executeQuery("SELECT * FROM types ORDER BY id").getMetaData();
                List<String> shown = new ArrayList<>();
                for (int i = 1; i <= m.getColumnCount(); i++) {
                    shown.add(String.join(" ", m.getColumnLabel(i), m.getTableName(i), m.getCatalogName(i), m.getColumnTypeName(i),
                            m.getColumnClassName(i), "" + m.getColumnType(i), "" + m.getPrecision(i), "" + m.getScale(i),
                            "" + m.getColumnDisplaySize(i), "" + m.isNullable(i), "" + m.isSigned(i), "" + m.isCaseSensitive(i)));
                }
                return String.join(", ", shown);
            }
        });
        checks.put("types.text", () -> typesBy());
        checks.put("types.binary", () -> typesBy(SERVER_PREPARED));
        checks.put("types.parameters", () -> parameters());
        checks.put("types.parameters_binary", () -> parameters(SERVER_PREPARED));
        checks.put("metadata.columns", () -> {
            try (Connection c = open()) {
                DatabaseMetaData m = c.getMetaData();
                StringBuilder text = new StringBuilder(m.getDatabaseProductName());
                try (ResultSet rows = m.getColumns("fixtures", null, "types", null)) {
                    while (rows.next()) {
                        text.append(", ").append(rows.getString("COLUMN_NAME")).append(' ').append(rows.getString("TYPE_NAME"));
                    }
                }
                try (ResultSet rows = m.getProcedures("fixtures", null, "p_%")) {
                    while (rows.next()) {
                        text.append(", ").append(rows.getString("PROCEDURE_NAME"));
                    }
                }
                return text;
            }
        });
    }

    private String typesBy(String... more) throws Exception {
        try (Connection c = open(more); PreparedStatement s = c.prepareStatement(ALL_TYPES)) {
            s.setInt(1, 0);
            StringBuilder shown = new StringBuilder();
            try (ResultSet rows = s.executeQuery()) {
                while (rows.next()) {
                    for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
                        shown.append(cell(rows, i)).append(", ");
                    }
                }
            }
            return shown.toString();
        }
    }

    private static String cell(ResultSet rows, int i) throws Exception {
        byte[] bytes;
        try {
            bytes = rows.getBytes(i);
        } catch (SQLException e) {
            String s = rows.getString(i); // MariaDB's driver gives the bytes of texts and blobs only
            bytes = s == null ? null : s.getBytes(StandardCharsets.UTF_8);
        }
        if (bytes == null) {
            return "NULL";
        }
        String text = bytes.length > 40 ? bytes.length + ":" + digest(bytes).substring(0, 12) : HexFormat.of().formatHex(bytes);
        try {
            Object v = rows.getObject(i);
            return text + " " + v.getClass().getSimpleName() + (v instanceof byte[] ? "" : " " + show(String.valueOf(v).replaceAll("@[0-9a-f]+$", "")));
        } catch (SQLException e) {
            return text + " " + e.getClass().getSimpleName(); // a TIME beyond a day is no java.sql.Time
        }
    }

    private String parameters(String... more) throws Exception {
        Object[] values = {
            null, -1, Long.MIN_VALUE, Long.MAX_VALUE, new java.math.BigInteger("18446744073709551615"), 1.5, true, "", "grüße 🙂",
            new byte[0], new byte[] {0, -1, 39, 92}, "p".repeat(251), "p".repeat(70000), new java.math.BigDecimal("12345678901234567890.123456789"),
            java.sql.Date.valueOf("2024-02-29"), java.sql.Timestamp.valueOf("2024-02-29 12:34:56.123456"), java.sql.Time.valueOf("12:34:56"),
        };
        List<String> shown = new ArrayList<>();
        try (Connection c = open(more);
                PreparedStatement s = c.prepareStatement("SELECT CONCAT_WS(' ', LENGTH(v), MD5(v), v IS NULL) FROM (SELECT ? AS v) AS p")) {
            for (Object v : values) {
                s.setObject(1, v);
                try (ResultSet rows = s.executeQuery()) {
                    rows.next();
                    shown.add(rows.getString(1));
                }
            }
        }
        return String.join(", ", shown);
    }

    void results() {
        checks.put("rows.10000", () -> rowDigest(0));
        checks.put("rows.10000_binary", () -> rowDigest(0, SERVER_PREPARED));
        checks.put("rows.10000_streamed", () -> rowDigest(streamed()));
        checks.put("rows.20mb", () -> {
            try (Connection c = open(); Statement s = c.createStatement();
                    ResultSet rows = s.executeQuery("SELECT REPEAT(SHA2(seq, 256), 1600) FROM seq_1_to_200")) {
                MessageDigest digest = MessageDigest.getInstance("SHA-256");
                int n = 0, size = 0;
                for (; rows.next(); n++) {
                    byte[] body = rows.getBytes(1);
                    size += body.length;
                    digest.update(body);
                }
                return n + " " + size + " " + HexFormat.of().formatHex(digest.digest());
            }
        });
        checks.put("rows.edges", () -> {
            List<String> shown = new ArrayList<>();
            try (Connection c = open()) {
                for (int n : new int[] {250, 251, 65535, 65536, MAX_PAYLOAD - 5, MAX_PAYLOAD - 4, MAX_PAYLOAD - 3, MAX_PAYLOAD, MAX_PAYLOAD + 1}) {
                    String text = value(c, "SELECT REPEAT('x', " + n + ")");
                    shown.add(text.length() + "=" + digest(text).substring(0, 8));
                }
            }
            return String.join(",", shown);
        });
    }

    void packets() {
        checks.put("packet.edges", () -> {
            List<String> shown = new ArrayList<>();
            try (Connection c = open()) {
                for (int size : new int[] {MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD}) {
                    int literal = size - "\u0003SELECT CRC32('')".length();
                    shown.add(value(c, "SELECT CRC32('" + "0123456789".repeat(literal / 10 + 1).substring(0, literal) + "')"));
                }
            }
            return String.join(",", shown);
        });
        checks.put("packet.17mb", () -> seventeen());
        checks.put("packet.17mb_binary", () -> seventeen(SERVER_PREPARED));
        checks.put("packet.too_big", () -> {
            error(() -> one("SELECT LENGTH('" + "x".repeat(70 << 20) + "')"));
            return "error then " + one("SELECT 1");
        });
        checks.put("columns.1000", () -> {
            StringBuilder query = new StringBuilder("SELECT 1 AS column_1");
            for (int i = 2; i <= 1000; i++) {
                query.append(", ").append(i).append(" AS column_").append(i);
            }
            try (Connection c = open(); Statement s = c.createStatement(); ResultSet rows = s.executeQuery(query.toString())) {
                rows.next();
                int sum = 0;
                for (int i = 1; i <= 1000; i++) {
                    sum += rows.getInt("column_" + i);
                }
                return rows.getMetaData().getColumnCount() + " " + sum;
            }
        });
        checks.put("longdata", () -> {
            try (Connection c = open(SERVER_PREPARED)) {
                run(c, "CREATE TEMPORARY TABLE long_data (a INT, v LONGBLOB, b TEXT)");
                byte[] data = "long data chunk.".repeat((3 << 20) / 16).getBytes(StandardCharsets.UTF_8);
                try (PreparedStatement s = c.prepareStatement("INSERT INTO long_data VALUES (?, ?, ?)")) {
                    s.setInt(1, 1);
                    s.setBinaryStream(2, new ByteArrayInputStream(data), data.length);
                    s.setCharacterStream(3, new StringReader("after"), 5);
                    s.executeUpdate();
                }
                return value(c, "SELECT CONCAT(LENGTH(v), ' ', SHA2(v, 256)) FROM long_data WHERE a = 1 AND b = 'after'");
            }
        });
        checks.put("result.abandoned", () -> {
            try (Connection c = open()) {
                String first;
                try (Statement s = c.createStatement()) {
                    s.setFetchSize(streamed());
                    ResultSet rows = s.executeQuery("SELECT seq, REPEAT('y', 1000) FROM seq_1_to_20000");
                    rows.next();
                    first = rows.getString(1);
                }
                return first + " then " + value(c, "SELECT 1");
            }
        });
        checks.put("result.too_big", () -> {
            try (Connection c = open(); Statement s = c.createStatement(); ResultSet rows = s.executeQuery("SELECT REPEAT('x', 70000000)")) {
                rows.next();
                return show(rows.getString(1)) + " then " + value(c, "SELECT @@warning_count");
            }
        });
    }

    private String rowDigest(int fetchSize, String... more) throws Exception {
        try (Connection c = open(more); PreparedStatement s = c.prepareStatement("SELECT id, name FROM rows10k WHERE id > ? ORDER BY id")) {
            s.setFetchSize(fetchSize);
            s.setInt(1, 0);
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            int n = 0;
            try (ResultSet rows = s.executeQuery()) {
                for (; rows.next(); n++) {
                    digest.update((rows.getInt(1) + "|" + rows.getString(2) + "\n").getBytes(StandardCharsets.UTF_8));
                }
            }
            return n + " " + HexFormat.of().formatHex(digest.digest());
        }
    }

    private String seventeen(String... more) throws Exception {
        try (Connection c = open(more)) {
            run(c, "CREATE TEMPORARY TABLE big (v LONGBLOB)");
            try (PreparedStatement s = c.prepareStatement("INSERT INTO big VALUES (?)")) {
                s.setBytes(1, "0123456789abcdef".repeat((17 << 20) / 16).getBytes(StandardCharsets.UTF_8));
                s.executeUpdate();
            }
            try (PreparedStatement s = c.prepareStatement("SELECT v FROM big"); ResultSet rows = s.executeQuery()) {
                rows.next();
                byte[] got = rows.getBytes(1);
                return got.length + " " + digest(got);
            }
        }
    }
}
