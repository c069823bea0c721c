import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An application with a pool: requests come at a fixed rate, whatever becomes of those before. Three of four read, one is a transaction of an
 * INSERT and an UPDATE. Each that ends with an SQLException is an error; nothing is tried again. Until its standard input ends.
 *
 * <p>Pool URL USER RATE: prints "ready", and in the end one line: requests, errors (reads, transactions), the longest and the 99th percentile in
 * ms from a request's arrival to its end, and the kinds of errors.
 */
final class Pool {
    final HikariDataSource pool;
    final AtomicInteger requests = new AtomicInteger();
    final AtomicInteger failedReads = new AtomicInteger();
    final AtomicInteger failedTransactions = new AtomicInteger();
    final List<Double> took = Collections.synchronizedList(new ArrayList<>());
    final Map<String, Integer> kinds = Collections.synchronizedMap(new TreeMap<>());

    Pool(String url, String user) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setUsername(user);
        config.setPassword("");
        config.setMaximumPoolSize(16);
        pool = new HikariDataSource(config);
        while (pool.getHikariPoolMXBean().getTotalConnections() < config.getMaximumPoolSize()) {
            Thread.onSpinWait(); // the first requests are not to wait for logins
        }
    }

    public static void main(String[] args) throws Exception {
        Pool p = new Pool(args[0], args[1]);
        long gap = TimeUnit.SECONDS.toNanos(1) / Integer.parseInt(args[2]);
        ExecutorService workers = Executors.newFixedThreadPool(64);
        Thread clock = new Thread(() -> {
            long due = System.nanoTime();
            for (int n = 0; !Thread.currentThread().isInterrupted(); n++) {
                final long arrival = due;
                final int number = n;
                workers.execute(() -> p.request(number, arrival));
                due += gap;
                try {
                    TimeUnit.NANOSECONDS.sleep(due - System.nanoTime());
                } catch (InterruptedException e) {
                    return;
                }
            }
        });
        clock.start();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        clock.interrupt();
        clock.join();
        workers.shutdown();
        workers.awaitTermination(60, TimeUnit.SECONDS);
        List<Double> sorted = new ArrayList<>(p.took);
        Collections.sort(sorted);
        System.out.printf("%d requests\t%d reads failed\t%d transactions failed\tlongest %.0f ms\tp99 %.0f ms\t%s%n", p.requests.get(), p.failedReads.get(),
                p.failedTransactions.get(), sorted.get(sorted.size() - 1), sorted.get(sorted.size() * 99 / 100), p.kinds);
        System.exit(0);
    }

    void request(int number, long arrival) {
        requests.incrementAndGet();
        boolean reads = number % 4 != 0;
        try (Connection c = pool.getConnection()) {
            if (reads) {
                read(c, number);
            } else {
                transaction(c, number);
            }
        } catch (SQLException e) {
            (reads ? failedReads : failedTransactions).incrementAndGet();
            kinds.merge(e.getClass().getSimpleName() + " " + e.getSQLState(), 1, Integer::sum);
        }
        took.add((System.nanoTime() - arrival) / 1e6);
    }

    static void read(Connection c, int number) throws SQLException {
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT " + number)) {
            if (!r.next() || r.getInt(1) != number) {
                throw new SQLException("a wrong answer", "XX000");
            }
        }
    }

    static void transaction(Connection c, int number) throws SQLException {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.executeUpdate("INSERT INTO pool (n) VALUES (" + number + ")");
            s.executeUpdate("UPDATE pool SET n = n + 1 WHERE n = " + number);
            c.commit();
        } catch (SQLException e) {
            try {
                c.rollback();
            } catch (SQLException again) {
                e.addSuppressed(again);
            }
            throw e;
        } finally {
            c.setAutoCommit(true);
        }
    }
}
