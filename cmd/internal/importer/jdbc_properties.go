package importer

import (
	"slices"
	"strings"
)

// properties are what stands behind the question mark.
func (j *jdbc) properties(query string) {
	p := j.plan
	const most = 200
	for i, pair := range strings.SplitN(query, "&", most+1) {
		if i == most {
			p.remark(0, "more than %d properties: the others are not looked at", most)
			break
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		switch lower := strings.ToLower(name); {
		case lower == "user":
			j.global.name, j.global.hasName = value, true
		case lower == "password" || lower == "password1":
			j.global.password, j.global.hasPassword = value, true
		case lower == "cloudsqlinstance" || lower == "socketfactory" && strings.Contains(value, "google.cloud.sql"):
			j.cloudSQL = true
		case slices.Contains(jdbcTLS, lower):
			j.tls[lower] = strings.ToLower(strings.ReplaceAll(value, "_", "-"))
		case jdbcWord.MatchString(name):
			j.property(name, lower, value)
		}
	}
}

// property is one that says nothing of accounts or of TLS.
func (j *jdbc) property(name, lower, value string) {
	p := j.plan
	has := func(prefix string) bool { return strings.HasPrefix(lower, prefix) }
	switch {
	case lower == "loadbalancestrategy" || lower == "ha.loadbalancestrategy" || lower == "serveraffinityorder":
		p.remark(0, "%s: balance.policy is least-sessions or round-robin; balance.prefer: [local] prefers servers of a zone", shown(name))
	case has("loadbalance") || has("ha."):
		p.remark(0, "%s: servers are probed, and sessions spread over them and moved, by Segue: take it out of the URL", shown(name))
	case slices.Contains(jdbcFailoverProperties, lower):
		p.remark(0, "%s: take it out of the URL; through Segue the driver knows one host, and its connections live on", shown(name))
	case has("wrapper") || has("failover") || has("failuredetection") || has("clusterinstance") || has("iam") || has("secretsmanager"):
		p.remark(0, "%s: take it out of the URL; it is of AWS's wrapper, and the driver alone does not know it", shown(name))
	case lower == "sockettimeout" || lower == "connecttimeout":
		p.remark(0, "%s: keep it above connect.budget and hold.timeout (10s each), so that a wait there is no error", shown(name))
	case lower == "socketfactory":
		p.remark(0, "socketFactory: take it out of the URL, if it only finds the servers; Segue connects to them by TCP or by a UNIX socket")
	case slices.Contains(jdbcCertificates, lower):
		p.remark(0, "%s: certificates towards servers are PEM files in backend_tls: {ca_file: …, cert_file: …, key_file: …}; for the way from the application to Segue they are tls", shown(name))
	case lower == "dnssrv" && strings.EqualFold(value, "true") && !j.srv:
		p.remark(0, "dnsSrv: name the service in discover.dns, as _mysql._tcp.NAME")
	}
}

var jdbcFailoverProperties = []string{
	"autoreconnect", "autoreconnectforpools", "failoverreadonly", "maxreconnects", "retriesalldown", "initialtimeout", "secondsbeforeretrymaster",
	"secondsbeforeretrysource", "queriesbeforeretrymaster", "queriesbeforeretrysource", "allowmasterdownconnections", "allowsourcedownconnections",
	"allowslavedownconnections", "allowreplicadownconnections", "readfrommasterwhennoslaves", "readfromsourcewhennoreplicas", "replicationconnectiongroup",
	"selfdestructonpingmaxoperations", "selfdestructonpingsecondslifetime", "transactionreplay", "transactionreplaysize", "deniedlisttimeout", "blacklisttimeout",
}

// jdbcCertificates name files of keys and certificates, in both drivers.
var jdbcCertificates = []string{
	"trustcertificatekeystoreurl", "trustcertificatekeystoretype", "trustcertificatekeystorepassword", "clientcertificatekeystoreurl", "clientcertificatekeystoretype",
	"clientcertificatekeystorepassword", "serversslcert", "keystore", "keystorepassword", "keypassword", "keystoretype", "truststore", "truststorepassword", "truststoretype",
}

// jdbcTLS are the properties that say together whether there is TLS, in both drivers.
var jdbcTLS = []string{"sslmode", "usessl", "requiressl", "verifyservercertificate", "trustservercertificate", "disablesslhostnameverification"}

// chooseTLS decides from all properties of TLS at once: sslMode comes before the older ones (Connector/J, Security; MariaDB, Using TLS).
func (j *jdbc) chooseTLS() {
	p := j.plan
	is := func(name string) bool { return j.tls[name] == "true" }
	verify := false
	switch mode := j.tls["sslmode"]; mode {
	case "disabled", "disable":
		p.TLS = "disabled"
	case "preferred":
		p.TLS = "preferred"
	case "required", "trust":
		p.TLS = "required"
	case "verify-ca", "verify-identity", "verify-full":
		verify = true
	case "":
		verify = j.olderTLS(is)
	default:
		p.remark(0, "sslMode: not a value that the driver has; say backend_tls: {mode: …}")
	}
	if verify {
		p.TLS = "required"
		p.remark(0, "the driver verifies servers: say backend_tls: {mode: verify-identity, ca_file: …}; required, as it stands here, encrypts and believes whoever answers")
	}
	if p.TLS == "required" {
		p.remark(0, "sslMode: with it the driver asks Segue for TLS too: tls: {cert_file: …, key_file: …}")
	}
}

// olderTLS is what the properties from before sslMode say; true: servers are verified.
func (j *jdbc) olderTLS(is func(string) bool) bool {
	use, said := j.tls["usessl"]
	switch {
	case said && use != "true":
		j.plan.TLS = "disabled"
	case j.driver == "mariadb":
		if !said {
			return false
		}
		if !is("trustservercertificate") {
			return true
		}
		j.plan.TLS = "required"
	case is("verifyservercertificate"):
		return true
	case is("requiressl"):
		j.plan.TLS = "required"
	case said:
		j.plan.TLS = "preferred"
	}
	return false
}
