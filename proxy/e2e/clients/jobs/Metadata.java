import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * Metadata asks what tools that stand on JDBC ask: all of DatabaseMetaData that an FE can answer (it has no information_schema.parameters),
 * settings of the connection, and queries: on a connection that it keeps, and on a fresh one, once for each line on standard input. Arguments: URL, user, password, database; that has the tables revenue and stg_orders.
 */
public class Metadata {
    public static void main(String[] args) throws Exception {
        BufferedReader rounds = new BufferedReader(new InputStreamReader(System.in));
        try (Connection kept = DriverManager.getConnection(args[0], args[1], args[2])) {
            while (rounds.readLine() != null) {
                ask(kept, args[3]);
                try (Connection fresh = DriverManager.getConnection(args[0], args[1], args[2])) {
                    ask(fresh, args[3]);
                }
                System.out.println("round");
            }
        }
    }

    private static void ask(Connection c, String db) throws SQLException {
        DatabaseMetaData m = c.getMetaData();
        m.getDatabaseProductVersion();
        m.getUserName();
        m.getSQLKeywords();
        some(m.getCatalogs());
        rows(m.getSchemas());
        some(m.getTableTypes());
        some(m.getTypeInfo());
        some(m.getTables(db, null, "%", null));
        some(m.getTables(db, null, "%", new String[] {"TABLE", "VIEW"}));
        some(m.getColumns(db, null, "%", "%"));
        some(m.getColumns(db, null, "revenue", null));
        rows(m.getProcedures(db, null, "%"));
        rows(m.getFunctions(db, null, "%"));
        rows(m.getClientInfoProperties());
        for (String table : new String[] {"revenue", "stg_orders"}) {
            rows(m.getPrimaryKeys(db, null, table));
            rows(m.getIndexInfo(db, null, table, false, true));
            rows(m.getImportedKeys(db, null, table));
            rows(m.getExportedKeys(db, null, table));
            rows(m.getBestRowIdentifier(db, null, table, DatabaseMetaData.bestRowSession, true));
            rows(m.getVersionColumns(db, null, table));
            rows(m.getTablePrivileges(db, null, table));
            rows(m.getColumnPrivileges(db, null, table, "%"));
        }
        rows(m.getCrossReference(db, null, "revenue", db, null, "stg_orders"));
        settings(c, db);
        query(c);
    }

    private static void settings(Connection c, String db) throws SQLException {
        c.setReadOnly(true);
        c.setReadOnly(false);
        c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        c.setAutoCommit(false);
        c.commit();
        c.setAutoCommit(true);
        c.setCatalog(db);
        c.getWarnings();
        if (!c.isValid(5) || !db.equals(c.getCatalog())) {
            throw new SQLException("the connection is not valid, or is not in " + db);
        }
    }

    private static void query(Connection c) throws SQLException {
        try (PreparedStatement p = c.prepareStatement("SELECT code, n FROM revenue WHERE n >= ? ORDER BY code LIMIT 2")) {
            p.setMaxRows(10);
            p.setQueryTimeout(30);
            p.setInt(1, 2);
            some(p.executeQuery());
        }
        try (Statement s = c.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
            s.setFetchSize(c.getMetaData().getURL().startsWith("jdbc:mysql") ? Integer.MIN_VALUE : 10);
            some(s.executeQuery("SELECT * FROM fesim.rows(100, 10)"));
        }
    }

    private static void some(ResultSet r) throws SQLException {
        if (rows(r) == 0) {
            throw new SQLException("no rows where there must be some");
        }
    }

    private static int rows(ResultSet r) throws SQLException {
        try (r) {
            int n = 0;
            int columns = r.getMetaData().getColumnCount();
            while (r.next()) {
                n++;
                for (int i = 1; i <= columns; i++) {
                    r.getObject(i);
                }
            }
            return n;
        }
    }
}
