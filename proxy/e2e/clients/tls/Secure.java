import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Properties;

/** Connector/J and MariaDB Connector/J; package e2e says how clients of tls_clients_test.go are called and what they print. */
final class Secure {
    private static String url;
    private static String password;

    /** Arguments: "mysql" or "mariadb", host, port, a file as PEM or nothing, password, users. */
    public static void main(String[] args) throws Exception {
        boolean mysql = args[0].equals("mysql");
        String options = mysql ? "sslMode=DISABLED&allowPublicKeyRetrieval=true" : "sslMode=disable&allowPublicKeyRetrieval=true";
        if (!args[3].isEmpty()) {
            options = mysql
                    ? "sslMode=VERIFY_IDENTITY&trustCertificateKeyStoreType=PKCS12&trustCertificateKeyStorePassword=changeit&fallbackToSystemTrustStore=false"
                            + "&trustCertificateKeyStoreUrl=file:" + trusted(args[3])
                    : args[3].equals("proof") ? "sslMode=verify-full" : "sslMode=verify-full&serverSslCert=" + args[3];
        }
        url = "jdbc:" + args[0] + "://" + args[1] + ":" + args[2] + "/?connectTimeout=10000&socketTimeout=20000&useServerPrepStmts=true&" + options;
        password = args[4];
        for (int i = 5; i < args.length; i++) {
            String said = "ok";
            try {
                for (int n = 0; n < 2; n++) {
                    String got = attempt(args[i]);
                    if (!got.equals(args[i] + " 42 2097152")) {
                        said = "got " + got;
                    }
                }
            } catch (Exception e) {
                said = e.getMessage() + root(e);
            }
            System.out.println(args[i] + "\t" + said.replace('\n', ' '));
        }
    }

    private static String root(Throwable e) {
        Throwable last = e;
        while (last.getCause() != null) {
            last = last.getCause();
        }
        return last == e ? "" : " " + last.getMessage();
    }

    /** A key store that holds the authority's certificate, which the one driver wants in place of a file as PEM. */
    private static String trusted(String pem) throws Exception {
        java.security.KeyStore store = java.security.KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (java.io.InputStream in = new java.io.FileInputStream(pem)) {
            store.setCertificateEntry("ca", java.security.cert.CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        java.io.File file = java.io.File.createTempFile("e2e", ".p12");
        file.deleteOnExit();
        try (java.io.OutputStream out = new java.io.FileOutputStream(file)) {
            store.store(out, "changeit".toCharArray());
        }
        return file.getPath();
    }

    private static String attempt(String user) throws Exception {
        Properties account = new Properties();
        account.setProperty("user", user);
        account.setProperty("password", password);
        try (Connection c = DriverManager.getConnection(url, account)) {
            String who;
            int sum;
            int big;
            try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)")) {
                rows.next();
                who = rows.getString(1);
            }
            try (PreparedStatement s = c.prepareStatement("SELECT ? + 1")) {
                s.setInt(1, 41);
                try (ResultSet rows = s.executeQuery()) {
                    rows.next();
                    sum = rows.getInt(1);
                }
            }
            try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery("SELECT REPEAT('x', 2097152)")) {
                rows.next();
                big = rows.getString(1).length();
            }
            return who + " " + sum + " " + big;
        }
    }
}
