import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.sql.Statement;

/**
 * One JDBC connection whose statements run into setQueryTimeout, for which a driver opens a second connection and says KILL QUERY. For each
 * line of standard input it runs one that would take a minute, and then asks something else; package e2e says how it is called and what it
 * prints.
 */
final class QueryTimeout {
    private QueryTimeout() {}

    public static void main(String[] args) throws Exception {
        String url = args[5] + "://" + args[0] + ":" + args[1] + "/" + args[4] + "?sslMode=" + args[6] + "&allowPublicKeyRetrieval=true";
        try (Connection c = DriverManager.getConnection(url, args[2], args[3]);
                Statement s = c.createStatement();
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
            System.out.println("ready");
            while (in.readLine() != null) {
                long began = System.nanoTime();
                String outcome = "answered";
                s.setQueryTimeout(1);
                try (ResultSet r = s.executeQuery("SELECT SLEEP(60)")) {
                    r.next();
                } catch (SQLTimeoutException e) {
                    outcome = "timeout";
                } catch (SQLException e) {
                    outcome = e.toString();
                }
                long took = (System.nanoTime() - began) / 1_000_000;
                s.setQueryTimeout(0);
                try (ResultSet r = s.executeQuery("SELECT 42")) {
                    r.next();
                    System.out.println(outcome + "\t" + took + "\t" + r.getInt(1));
                }
            }
        }
    }
}
