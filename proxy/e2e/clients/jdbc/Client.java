import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;

/** A JDBC client of the end-to-end suite: how it connects, and how outcomes are shown. */
abstract class Client {
    static final int MAX_PAYLOAD = (1 << 24) - 1;
    static final String ALL_TYPES = "SELECT * FROM types WHERE id > ? ORDER BY id";
    static final String WHOAMI =
            "SELECT CONCAT(CURRENT_USER(), ' ', IFNULL(DATABASE(), 'none'), ' ', IFNULL(@marker, 'clean'))";

    final Map<String, Callable<Object>> checks = new LinkedHashMap<>();
    String host, port, user, password, scratch, loadFiles;

    /** The scheme of its URLs: "jdbc:mysql" or "jdbc:mariadb". */
    abstract String scheme();

    /** Options of every connection. */
    abstract String options();

    /** The option that allows LOAD DATA LOCAL INFILE. */
    abstract String localInfile();

    /** The option that asks for prepared statements of the server rather than texts. */
    static final String SERVER_PREPARED = "useServerPrepStmts=true";

    /** The fetch size that makes the driver stream a result. */
    abstract int streamed();

    Connection open(String... more) throws SQLException {
        return login(user, password, "fixtures", more);
    }

    Connection login(String user, String password, String database, String... more) throws SQLException {
        Properties account = new Properties();
        account.setProperty("user", user);
        account.setProperty("password", password);
        String compressed = System.getenv("E2E_COMPRESS") == null ? "" : "useCompression=true&";
        String all = compressed + options() + (more.length == 0 ? "" : "&" + String.join("&", more));
        String url = scheme() + "://" + host + ":" + port + "/" + database + "?connectTimeout=20000&socketTimeout=20000&" + all;
        return DriverManager.getConnection(url, account);
    }

    static String value(Connection c, String query) throws SQLException {
        try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        }
    }

    String one(String query, String... more) throws SQLException {
        try (Connection c = open(more)) {
            return value(c, query);
        }
    }

    String one(String user, String password, String query) throws SQLException {
        try (Connection c = login(user, password, "fixtures")) {
            return value(c, query);
        }
    }

    static void run(Connection c, String... queries) throws SQLException {
        try (Statement s = c.createStatement()) {
            for (String query : queries) {
                s.execute(query);
            }
        }
    }

    static void require(boolean ok, String fault) {
        if (!ok) {
            throw new IllegalStateException(fault);
        }
    }

    static String digest(String text) throws Exception {
        return digest(text.getBytes(StandardCharsets.UTF_8));
    }

    static String digest(byte[] data) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(data));
    }

    static String show(String text) throws Exception {
        if (text == null) {
            return "NULL";
        }
        return text.length() > 64 ? text.length() + ":" + digest(text).substring(0, 12) : "\"" + text + "\"";
    }

    /** What a call throws; that it does not is not expected. */
    static SQLException error(Callable<?> call) throws Exception {
        Object got;
        try {
            got = call.call();
        } catch (SQLException e) {
            return e;
        }
        throw new IllegalStateException("no error but " + got);
    }

    /** The last query fails, and the connection lives on. */
    String failing(boolean full, String... queries) throws Exception {
        try (Connection c = open()) {
            int last = queries.length - 1;
            run(c, java.util.Arrays.copyOf(queries, last));
            SQLException e = error(() -> { run(c, queries[last]); return "done"; });
            String text = full ? e.getErrorCode() + " " + e.getSQLState() + " " + message(e) : "" + e.getErrorCode();
            return text + " then " + value(c, "SELECT 1");
        }
    }

    /** The server's text, without what MariaDB's driver puts before it. */
    static String message(SQLException e) {
        return e.getMessage().replaceFirst("^\\(conn=\\d+\\) ", "").replaceAll("conn=\\d+", "conn");
    }

    static String row(ResultSet rows) throws Exception {
        List<String> cells = new ArrayList<>();
        for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
            cells.add(show(rows.getString(i)));
        }
        return "(" + String.join(", ", cells) + ")";
    }

    /** Every result of the answer, or the error in its place, then one more question on the same connection. */
    static String sets(Connection c, Statement s, boolean first) throws Exception {
        List<String> shown = new ArrayList<>();
        try {
            for (boolean isRows = first; ; isRows = s.getMoreResults()) {
                if (isRows) {
                    StringBuilder text = new StringBuilder("rows");
                    try (ResultSet rows = s.getResultSet()) {
                        while (rows.next()) {
                            text.append(' ').append(row(rows));
                        }
                    }
                    shown.add(text.toString());
                } else if (s.getUpdateCount() >= 0) {
                    shown.add("ok " + s.getUpdateCount());
                } else {
                    break;
                }
            }
        } catch (SQLException e) {
            shown.add(e.getErrorCode() + " " + e.getSQLState() + " " + message(e));
        }
        s.close();
        return String.join("; ", shown) + " then " + value(c, "SELECT 1");
    }

    String sets(String query) throws Exception {
        try (Connection c = open("allowMultiQueries=true")) {
            Statement s = c.createStatement();
            boolean first;
            try {
                first = s.execute(query);
            } catch (SQLException e) {
                return e.getErrorCode() + " " + e.getSQLState() + " " + message(e) + " then " + value(c, "SELECT 1");
            }
            return sets(c, s, first);
        }
    }
}
