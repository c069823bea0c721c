import com.mysql.cj.jdbc.JdbcConnection;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** HikariCP with MySQL Connector/J; package e2e says how it is called and what it prints. */
final class Hikari {
    static final int WORKERS = 8;
    static final String STATE = "@held, @@time_zone, DATABASE()";

    final String database;
    final boolean single;
    final HikariDataSource pool;
    /** What each physical connection's session holds: it is set up once. */
    final Map<Object, Integer> held = Collections.synchronizedMap(new IdentityHashMap<>());
    final AtomicInteger connections = new AtomicInteger();
    final AtomicInteger statements = new AtomicInteger();
    final AtomicInteger errors = new AtomicInteger();
    final AtomicInteger lost = new AtomicInteger();
    final Queue<String> samples = new ConcurrentLinkedQueue<>();
    volatile boolean ending;

    Hikari(String[] args) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:mysql://" + args[0] + ":" + args[1] + "/" + args[5]
                + "?useServerPrepStmts=true&cachePrepStmts=true&connectTimeout=20000&socketTimeout=20000&sslMode=DISABLED&allowPublicKeyRetrieval=true");
        config.setUsername(args[2]);
        config.setPassword(args[3]);
        config.setMaximumPoolSize(Integer.parseInt(args[6]));
        database = args[4];
        single = args.length > 7;
        pool = new HikariDataSource(config);
    }

    public static void main(String[] args) throws Exception {
        Hikari h = new Hikari(args);
        Thread[] workers = new Thread[WORKERS];
        for (int i = 0; i < WORKERS; i++) {
            workers[i] = new Thread(h::work);
            workers[i].start();
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        h.ending = true;
        for (Thread worker : workers) {
            worker.join();
        }
        h.pool.close();
        System.out.printf("connections\t%d%nstatements\t%d%nerrors\t%d%nlost\t%d%n", h.connections.get(), h.statements.get(), h.errors.get(), h.lost.get());
        int n = 0;
        for (String sample : h.samples) {
            System.out.printf("sample.%d\t%s%n", ++n, sample.replaceAll("\\s+", " "));
        }
    }

    void work() {
        for (int n = 0; !ending; n++) {
            try (Connection c = pool.getConnection()) {
                turn(c, n);
            } catch (SQLException e) {
                errors.incrementAndGet();
                sample(e.toString());
            }
            try {
                Thread.sleep(5 + n % 10);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    void turn(Connection c, int n) throws SQLException {
        Object physical = c.unwrap(JdbcConnection.class);
        if (single) {
            one(c, physical, n);
            return;
        }
        Integer id = held.get(physical);
        if (id == null) {
            id = connections.incrementAndGet();
            try (Statement s = c.createStatement()) {
                s.execute("SET @held = 'java-" + id + "'");
                s.execute("SET time_zone = '" + zone(id) + "'");
                s.execute("USE " + database);
            }
            held.put(physical, id);
        }
        boolean transaction = n % 10 == 9;
        if (transaction) {
            c.setAutoCommit(false);
        }
        try (PreparedStatement s = c.prepareStatement("SELECT ?, " + STATE)) {
            s.setString(1, "token-" + n);
            try (ResultSet rows = s.executeQuery()) {
                verify(rows, n, id);
            }
        }
        try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery("SELECT 'token-" + n + "', " + STATE)) {
            verify(rows, n, id);
        }
        if (transaction) {
            c.commit();
            c.setAutoCommit(true);
        }
    }

    void one(Connection c, Object physical, int n) throws SQLException {
        if (held.get(physical) == null) {
            held.put(physical, connections.incrementAndGet());
        }
        try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery("SELECT 'token-" + n + "'")) {
            rows.next();
            (rows.getString(1).equals("token-" + n) ? statements : lost).incrementAndGet();
        }
    }

    void verify(ResultSet rows, int n, int id) throws SQLException {
        rows.next();
        String[] want = {"token-" + n, "java-" + id, zone(id), database};
        for (int i = 0; i < want.length; i++) {
            if (!Objects.equals(rows.getString(i + 1), want[i])) {
                lost.incrementAndGet();
                sample("column " + (i + 1) + " is " + rows.getString(i + 1) + ", not " + want[i]);
                return;
            }
        }
        statements.incrementAndGet();
    }

    void sample(String text) {
        if (samples.size() < 5) {
            samples.add(text);
        }
    }

    static String zone(int id) {
        return String.format("+01:%02d", id % 60);
    }
}
