import com.starrocks.connector.flink.StarRocksSink;
import com.starrocks.connector.flink.table.sink.StarRocksSinkOptions;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Flink runs a job in a small cluster of its own for each line on standard input, as load_client_test.go says; its way is a sink.semantic of the connector's. */
final class Flink {
    private Flink() {
    }

    public static void main(String[] args) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] job = line.split("\t");
            String outcome;
            try {
                run(args, job);
                outcome = "loaded";
            } catch (Exception e) {
                StringBuilder text = new StringBuilder("failed\t");
                for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                    text.append(cause).append("; ");
                }
                outcome = text.toString();
            }
            System.out.println(outcome.replaceAll("[\r\n]+", " "));
        }
        System.exit(0);
    }

    /** run has a job write the file's rows, whose source is read on from where the last checkpoint was. */
    private static void run(String[] args, String[] job) throws Exception {
        String[] table = job[1].split("/");
        String[] rows = Files.readAllLines(Path.of(job[3])).toArray(new String[0]);
        StarRocksSinkOptions options = StarRocksSinkOptions.builder()
                .withProperty("jdbc-url", args[3]).withProperty("load-url", args[0].replace("http://", ""))
                .withProperty("database-name", table[0]).withProperty("table-name", table[1]).withProperty("username", args[1]).withProperty("password", args[2])
                .withProperty("sink.semantic", job[0]).withProperty("sink.version", "V2").withProperty("sink.label-prefix", job[2])
                .withProperty("sink.properties.column_separator", ",").withProperty("sink.properties.timeout", "60").build();
        Configuration configuration = new Configuration();
        configuration.setString("rest.bind-port", "0");
        configuration.setString("rest.bind-address", "127.0.0.1");
        configuration.setString("restart-strategy.type", "fixed-delay");
        configuration.setString("restart-strategy.fixed-delay.attempts", "5");
        configuration.setString("restart-strategy.fixed-delay.delay", "100 ms");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
        env.enableCheckpointing(300);
        env.fromSequence(0, rows.length - 1).map(i -> rows[i.intValue()]).returns(Types.STRING).addSink(StarRocksSink.sink(options));
        env.execute(job[2]);
    }
}
