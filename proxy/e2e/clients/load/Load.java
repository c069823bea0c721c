import com.starrocks.data.load.stream.StreamLoadDataFormat;
import com.starrocks.data.load.stream.StreamLoadSnapshot;
import com.starrocks.data.load.stream.properties.StreamLoadProperties;
import com.starrocks.data.load.stream.properties.StreamLoadTableProperties;
import com.starrocks.data.load.stream.v2.StreamLoadManagerV2;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import org.apache.hc.client5.http.classic.methods.HttpPut;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.entity.FileEntity;
import org.apache.hc.core5.http.io.entity.InputStreamEntity;
import org.apache.hc.core5.util.Timeout;

/** Load loads files with Apache HttpClient 5 and with StarRocks' SDK, one for each line on standard input, as load_client_test.go says. */
final class Load {
    private final String url;
    private final String user;
    private final String password;

    private Load(String url, String user, String password) {
        this.url = url;
        this.user = user;
        this.password = password;
    }

    public static void main(String[] args) throws Exception {
        Load load = new Load(args[0], args[1], args[2]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] job = line.split("\t");
            String outcome;
            try {
                outcome = job[0].startsWith("sdk") ? load.sdk(job[0], job[1], job[2], job[3]) : load.put(job[0], job[1], job[2], job[3]);
            } catch (Exception e) {
                outcome = (job[0].startsWith("sdk") ? "failed\t" : "lost\t") + causes(e);
            }
            System.out.println(outcome.replaceAll("[\r\n]+", " "));
        }
        System.exit(0); // the SDK's threads stay
    }

    private String put(String way, String table, String label, String file) throws Exception {
        RequestConfig config = RequestConfig.custom().setExpectContinueEnabled(!way.equals("plain")).setResponseTimeout(Timeout.ofSeconds(120)).build();
        try (CloseableHttpClient client = HttpClients.custom().setDefaultRequestConfig(config).build()) {
            HttpPut put = new HttpPut(url + "/api/" + table + "/_stream_load");
            put.setHeader("Authorization", "Basic " + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8)));
            put.setHeader("column_separator", ",");
            if (!label.equals("-")) {
                put.setHeader("label", label);
            }
            HttpEntity body = new FileEntity(new File(file), ContentType.TEXT_PLAIN);
            if (way.equals("chunks")) {
                body = new InputStreamEntity(Files.newInputStream(Path.of(file)), ContentType.TEXT_PLAIN);
            }
            put.setEntity(body);
            return client.execute(put, answer -> "answer\t" + answer.getCode() + "\t" + EntityUtils.toString(answer.getEntity()));
        }
    }

    /** sdk writes all rows, and is through when the SDK says that they are committed. */
    private String sdk(String way, String table, String label, String file) throws Exception {
        String database = table.substring(0, table.indexOf('/'));
        String name = table.substring(table.indexOf('/') + 1);
        boolean retries = way.equals("sdk");
        boolean automatic = !way.equals("sdk-2pc");
        StreamLoadTableProperties properties = StreamLoadTableProperties.builder().database(database).table(name)
                .streamLoadDataFormat(new StreamLoadDataFormat.CSVFormat("\n")).addProperty("column_separator", ",")
                .chunkLimit(64L << 20).maxBufferRows(1_000_000).build();
        StreamLoadProperties.Builder options = StreamLoadProperties.builder().jdbcUrl("").loadUrls(url).username(user).password(password).version("3.3.0")
                .labelPrefix(label + "-").defaultTableProperties(properties).scanningFrequency(50).expectDelayTime(50).connectTimeout(30_000)
                .waitForContinueTimeoutMs(3_000).ioThreadCount(2).addHeader("timeout", "60");
        if (retries) {
            options.maxRetries(3).retryIntervalInMs(100);
        } else {
            options.enableTransaction();
        }
        StreamLoadManagerV2 manager = new StreamLoadManagerV2(options.build(), automatic);
        manager.init();
        try {
            List<String> rows = Files.readAllLines(Path.of(file));
            manager.write(null, database, name, rows.toArray(new String[0]));
            manager.flush();
            if (!automatic) {
                StreamLoadSnapshot snapshot = manager.snapshot();
                if (!manager.prepare(snapshot)) {
                    manager.abort(snapshot);
                    return "failed\tprepare returned false";
                }
                if (!manager.commit(snapshot)) {
                    return "failed\tcommit returned false";
                }
            }
            if (manager.getException() != null) {
                return "failed\t" + causes(manager.getException());
            }
            return "loaded";
        } finally {
            manager.close();
        }
    }

    private static String causes(Throwable e) {
        StringBuilder text = new StringBuilder();
        for (; e != null; e = e.getCause()) {
            text.append(e).append("; ");
        }
        return text.toString();
    }
}
