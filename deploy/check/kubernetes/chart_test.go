package kubernetes

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"
)

const (
	chart     = deploy + "/helm/segue"
	namespace = "gateways"
)

// sets are files of values, each with the kinds that it makes and how often.
var sets = map[string]map[string]int{
	"testdata/values/least.yaml": {"ConfigMap": 1, "Deployment": 1, "Service": 2, "PodDisruptionBudget": 1},
	"testdata/values/everything.yaml": {
		"ConfigMap": 2, "Deployment": 1, "Service": 2, "PodDisruptionBudget": 1, "HorizontalPodAutoscaler": 1, "NetworkPolicy": 1,
		"ServiceAccount": 1, "Role": 1, "RoleBinding": 1, "ServiceMonitor": 1, "PrometheusRule": 1,
	},
	"testdata/values/tls.yaml": {"ConfigMap": 1, "Deployment": 1, "Service": 2, "NetworkPolicy": 1, "ServiceMonitor": 1},
	deploy + "/kubernetes/examples/starrocks-operator/gateway-values.yaml": {"ConfigMap": 1, "Deployment": 1, "Service": 2, "PodDisruptionBudget": 1},
}

func values(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, string(text))
}

func parsed(t *testing.T, text string) (all map[string]any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// template renders the chart as `helm template` does; the notes are left out.
func template(v map[string]any) (map[string]string, error) { return release("segue", v) }

// release is template for a release of a name, as an upgrade of it does where there is something already.
func release(name string, v map[string]any, there ...runtime.Object) (map[string]string, error) {
	c, err := loader.Load(chart)
	if err != nil {
		return nil, err
	}
	all, err := util.ToRenderValues(c, v, common.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: len(there) == 0, IsUpgrade: len(there) > 0}, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.RenderWithClientProvider(c, all, deployments{there})
	if err != nil {
		return nil, err
	}
	for name := range files {
		if !strings.HasSuffix(name, ".yaml") {
			delete(files, name)
		}
	}
	return files, nil
}

// deployments are those of a cluster, which a template may look up.
type deployments struct{ there []runtime.Object }

func (d deployments) GetClientFor(string, string) (dynamic.NamespaceableResourceInterface, bool, error) {
	return fake.NewSimpleDynamicClient(runtime.NewScheme(), d.there...).Resource(appsv1.SchemeGroupVersion.WithResource("deployments")), true, nil
}

// An upgrade that turns the autoscaler on keeps the pods that there are.
func TestChartTurnsAutoscalingOn(t *testing.T) {
	there := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "segue", "namespace": namespace}, "spec": map[string]any{"replicas": int64(6)},
	}}
	v := values(t, "testdata/values/least.yaml")
	v["autoscaling"] = map[string]any{"enabled": true}
	files, err := release("segue", v, there)
	if err != nil {
		t.Fatal(err)
	}
	var all []object
	for name, text := range files {
		all = append(all, decode(t, name, []byte(text))...)
	}
	if n := of[appsv1.Deployment](t, all).Spec.Replicas; n == nil || *n != 6 {
		t.Errorf("replicas: %s", shown(n))
	}
}

func rendered(t *testing.T, path string) (all []object) {
	t.Helper()
	files, err := template(values(t, path))
	if err != nil {
		t.Fatalf("helm template -f %s: %v", path, err)
	}
	for name, text := range files {
		all = append(all, decode(t, path+" "+name, []byte(text))...)
	}
	return all
}

// of gives the only object of a type.
func of[T any](t *testing.T, all []object) (found *T) {
	t.Helper()
	for _, o := range all {
		if typed, ok := o.typed.(any).(*T); ok {
			if found != nil {
				t.Fatalf("several %T", found)
			}
			found = typed
		}
	}
	if found == nil {
		t.Fatalf("no %T", found)
	}
	return found
}

func TestChartIsLinted(t *testing.T) {
	all := map[string]map[string]any{"values.yaml alone": {}}
	for path := range sets {
		all[path] = values(t, path)
	}
	for name, v := range all {
		for _, m := range lint.RunAll(chart, v, namespace).Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("helm lint, %s: %s", name, m)
			}
		}
	}
}

// Every set makes what it is to make, in its namespace and with its labels, and a configuration that Segue takes.
func TestChartMakes(t *testing.T) {
	for path, want := range sets {
		all := rendered(t, path)
		got := map[string]int{}
		for _, o := range all {
			got[o.gvk.Kind]++
			if ns := o.meta.GetNamespace(); ns != namespace && !strings.HasPrefix(o.gvk.Kind, "Role") {
				t.Errorf("%s: %s is in %q", path, o, ns)
			}
			if l := o.meta.GetLabels(); l["app.kubernetes.io/name"] != "segue" || l["app.kubernetes.io/instance"] != "segue" {
				t.Errorf("%s: %s has the labels %v", path, o, l)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: makes %v, want %v", path, got, want)
		}
		checkDeployment(t, path, of[appsv1.Deployment](t, all))
		for _, text := range configurations(all) {
			c := load(t, path, text)
			if c == nil {
				continue
			}
			if len(c.Listen) != 1 || c.Takeover.Offer {
				t.Errorf("%s: listens on %v, offers takeover: %v", path, c.Listen, c.Takeover.Offer)
			}
			for _, o := range all { // whoever asks by the admin Service's name gets an answer
				s, ok := o.typed.(*corev1.Service)
				if !ok || s.Spec.ClusterIP != "None" {
					continue
				}
				for _, name := range []string{s.Name, s.Name + "." + s.Namespace, s.Name + "." + s.Namespace + ".svc"} {
					if !slices.Contains(c.Access.Hosts, name) {
						t.Errorf("%s: %s is not among the names of the admin API: %v", path, name, c.Access.Hosts)
					}
				}
			}
		}
	}
}

func checkDeployment(t *testing.T, path string, d *appsv1.Deployment) {
	t.Helper()
	p := d.Spec.Template.Spec
	secured(t, path, p.SecurityContext, &p.Containers[0])
	for key, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[key] != value {
			t.Errorf("%s: selects %s=%s, labels %v", path, key, value, d.Spec.Template.Labels)
		}
	}
	if v := d.Spec.Template.Labels["helm.sh/chart"]; v != "" {
		t.Errorf("%s: another chart would replace all pods", path)
	}
	for _, m := range p.Containers[0].VolumeMounts {
		if !m.ReadOnly || !slices.ContainsFunc(p.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("%s: mounts %v, volumes %v", path, m, p.Volumes)
		}
	}
	for _, probe := range []*corev1.Probe{p.Containers[0].StartupProbe, p.Containers[0].LivenessProbe} {
		if probe.HTTPGet.Path != "/livez" {
			t.Errorf("%s: %v depends on backends", path, probe)
		}
	}
}

// The pod's grace is as long as what Segue may need of it, and its configuration says the same.
func TestChartShutdown(t *testing.T) {
	for path, want := range map[string]struct {
		grace int64
		args  string
		drain string
	}{
		"testdata/values/least.yaml":      {300 + 60 + 10, "--shutdown-delay=10s --shutdown-wait-clients=300s", "timeout: 60s"},
		"testdata/values/everything.yaml": {1800 + 120 + 10, "--shutdown-delay=15s --shutdown-wait-clients=1800s", "timeout: 120s"},
	} {
		all := rendered(t, path)
		p := of[appsv1.Deployment](t, all).Spec.Template.Spec
		if got := *p.TerminationGracePeriodSeconds; got != want.grace {
			t.Errorf("%s: grace %d, want %d", path, got, want.grace)
		}
		if got := strings.Join(p.Containers[0].Args, " "); got != "serve --config=/etc/segue/segue.yaml "+want.args {
			t.Errorf("%s: args %s", path, got)
		}
		for _, text := range configurations(all) {
			if !strings.Contains(text, want.drain) {
				t.Errorf("%s: %s\nwant drain.%s", path, text, want.drain)
			}
		}
	}
}

// What everything turns on says what it is to say.
func TestChartEverything(t *testing.T) {
	all := rendered(t, "testdata/values/everything.yaml")
	d := of[appsv1.Deployment](t, all)
	if d.Spec.Replicas != nil {
		t.Error("replicas are said beside the autoscaler")
	}
	p := d.Spec.Template.Spec
	if !strings.HasPrefix(p.Containers[0].Image, "registry.example/segue@sha256:") || p.ServiceAccountName != "gateway" || !*p.AutomountServiceAccountToken || p.PriorityClassName == "" ||
		len(p.Tolerations) != 1 || p.Affinity == nil || len(p.NodeSelector) != 1 || len(p.Containers[0].Env) != 1 || len(p.TopologySpreadConstraints) != 1 || len(p.ImagePullSecrets) != 1 {
		t.Errorf("pod %s", shown(p))
	}
	if a := of[autoscalingv2.HorizontalPodAutoscaler](t, all); a.Spec.ScaleTargetRef.Name != d.Name || *a.Spec.MinReplicas != 3 || a.Spec.MaxReplicas != 12 {
		t.Errorf("autoscaler %s", shown(a.Spec))
	}
	if b := of[policyv1.PodDisruptionBudget](t, all); b.Spec.MaxUnavailable.StrVal != "25%" || !reflect.DeepEqual(b.Spec.Selector, d.Spec.Selector) {
		t.Errorf("budget %s", shown(b.Spec))
	}
	if n := of[networkingv1.NetworkPolicy](t, all); len(n.Spec.Ingress) != 2 || len(n.Spec.Egress) != 3 || n.Spec.Egress[1].Ports[0].Port.IntVal != 443 || len(n.Spec.PolicyTypes) != 2 || n.Spec.Ingress[0].From[0].NamespaceSelector == nil {
		t.Errorf("policy %s", shown(n.Spec))
	}
	for _, o := range all {
		s, ok := o.typed.(*corev1.Service)
		switch {
		case !ok:
		case s.Name == "gateway" && (s.Spec.Ports[0].Port != 3306 || s.Spec.InternalTrafficPolicy == nil || *s.Spec.InternalTrafficPolicy != "Local" || s.Spec.ExternalTrafficPolicy != "Local"),
			s.Name == "gateway" && (len(s.Spec.Ports) != 2 || s.Spec.Ports[1].Port != 8080 || s.Spec.Ports[1].TargetPort.StrVal != p.Containers[0].Ports[1].Name || p.Containers[0].Ports[1].ContainerPort != 8030),
			s.Name == "gateway-admin" && (s.Spec.ClusterIP != "None" || !s.Spec.PublishNotReadyAddresses):
			t.Errorf("service %s", shown(s.Spec))
		}
	}
	m := of[monitoring.ServiceMonitor](t, all)
	if m.Spec.JobLabel != "app.kubernetes.io/name" || m.Labels[m.Spec.JobLabel] != "segue" || m.Spec.Endpoints[0].Authorization.Credentials.Name != "segue-admin" {
		t.Errorf("monitor %s", shown(m))
	}
}

// The chart has no rules, no dashboard and no role of its own.
func TestChartHasNoCopies(t *testing.T) {
	all := rendered(t, "testdata/values/everything.yaml")
	var want, got monitoring.PrometheusRuleSpec
	text, err := os.ReadFile(filepath.Join(deploy, "prometheus/segue.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &want); err != nil {
		t.Fatal(err)
	}
	got = of[monitoring.PrometheusRule](t, all).Spec
	if len(want.Groups) == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("rules %s\nwant %s", shown(got), shown(want))
	}
	dashboard, err := os.ReadFile(filepath.Join(deploy, "grafana/segue.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, o := range all {
		if m, ok := o.typed.(*corev1.ConfigMap); ok && m.Data["segue.json"] != "" {
			found = strings.TrimSpace(m.Data["segue.json"]) == strings.TrimSpace(string(dashboard)) && m.Labels["grafana_dashboard"] == "1"
		}
	}
	if !found {
		t.Error("the dashboard is not that of deploy/grafana")
	}
	discover, err := os.ReadFile(filepath.Join(deploy, "kubernetes/discover.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	role := of[rbacv1.Role](t, all)
	if want := of[rbacv1.Role](t, decode(t, "discover.yaml", discover)); !reflect.DeepEqual(role.Rules, want.Rules) || role.Namespace != "starrocks" {
		t.Errorf("role in %s %s, want %s", role.Namespace, shown(role.Rules), shown(want.Rules))
	}
	if b := of[rbacv1.RoleBinding](t, all); b.Namespace != "starrocks" || b.Subjects[0].Namespace != namespace || b.Subjects[0].Name != "gateway" {
		t.Errorf("binding %s", shown(b))
	}
}

// A name that YAML would take for something else is a name; one that no Service may have is none.
func TestChartTakesNamesForNames(t *testing.T) {
	odd := parsed(t, "config: {backends: [a:1]}\nsecrets: ['2024']\nadmin: {tokenSecret: 'null'}\nserviceAccount: {name: 'true'}\npriorityClassName: 'off'\ndashboard: {enabled: true}")
	for given, want := range map[string]string{"on": "on", "null": "null", "a.b": "a-b"} {
		files, err := release(given, odd)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			for _, o := range decode(t, given+" "+name, []byte(text)) {
				if !strings.HasPrefix(o.meta.GetName(), want) || o.meta.GetLabels()["app.kubernetes.io/instance"] != given {
					t.Errorf("release %s: %s, %v", given, o, o.meta.GetLabels())
				}
			}
		}
	}
	if _, err := release("2gateway", parsed(t, "config: {backends: [a:1]}")); err == nil || !strings.Contains(err.Error(), "fullnameOverride") {
		t.Errorf("2gateway: %v", err)
	}
}

// What makes no sense is refused, by a sentence that says where it stands.
func TestChartRefuses(t *testing.T) {
	const least = "config: {backends: [a:1]}\n"
	for text, want := range map[string]string{
		"":                         "config: neither backends nor discover",
		"config: {backend: [a:1]}": "backend",
		"config: {backends: [a:1], flavour: tidb}":                                                                       "flavour",
		"config: {backends: [a:1], flavor: oracle}":                                                                      "/config/flavor",
		"config: {backends: [a:1], listen: ':1'}":                                                                        "config.listen: the chart says that itself",
		"config: {backends: [a:1], drain: {timeout: 1s}}":                                                                "shutdown.drainSeconds",
		"config: {discover: {kubernetes: {service: a}}}":                                                                 "rbac.create=true",
		"config: {backends: [a:1], users: [{name: b, password_file: f}, {name: a, password: x}]}":                        "config.users[1].password would stand in a ConfigMap",
		"config: {backends: [a:1], users: [{name: a, hash: '*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9'}]}":               "config.users[0].hash would stand in a ConfigMap",
		"config: {discover: {sql: true, user: a, password: x}}":                                                          "config.discover.password would stand in a ConfigMap",
		"config: {backends: [a:1], health: {user: a, password: x}}":                                                      "config.health.password would stand in a ConfigMap",
		"config: {backends: [b:1, {address: 'a:1', health: 'http://u:p@a/'}]}":                                           "config.backends[1].health",
		least + "extraEnv: [{name: SEGUE_HEALTH_PASSWORD, value: x}]":                                                    "extraEnv[0]",
		least + "networkPolicy: {enabled: true}\nserviceMonitor: {enabled: true}":                                        "networkPolicy.admin",
		least + "fullnameOverride: a.b":                                                                                  "/fullnameOverride",
		least + "fullnameOverride: 2gateway":                                                                             "/fullnameOverride",
		least + "podLabels: {app.kubernetes.io/name: x}":                                                                 "podLabels: app.kubernetes.io/name",
		least + "image: {tag: 'a\"b'}":                                                                                   "/image/tag",
		least + "service: {externalTrafficPolicy: Local}":                                                                "service.externalTrafficPolicy",
		least + "service: {type: NodePort, loadBalancerSourceRanges: [10.0.0.0/8]}":                                      "service.loadBalancerSourceRanges",
		"config: {backends: [a:1], state: /var/lib/segue/state}":                                                         "config.state",
		"config: {discover: {file: /etc/segue/nodes}}":                                                                   "config.discover.file",
		"config: {backends: [a:1], admin_tls: {cert_file: /run/secrets/segue/tls.crt}}\nserviceMonitor: {enabled: true}": "serviceMonitor.tlsConfig",
		least + "extraEnv: [{name: SEGUE_LISTEN, value: ':1'}]":                                                          "extraEnv[0]: SEGUE_LISTEN",
		least + "extraEnv: [{name: SEGUE_DRAIN_TIMEOUT, value: 5m}]":                                                     "extraEnv[0]: SEGUE_DRAIN_TIMEOUT",
		least + "extraEnv: [{name: SEGUE_LOAD_LISTEN, value: ':1'}]":                                                     "extraEnv[0]: SEGUE_LOAD_LISTEN",
		"config: {backends: [a:1], load: {listen: ':1'}}":                                                                "config.load.listen: the chart says that itself",
		"config: {backends: [a:1], flavor: tidb}\nloads: {enabled: true}":                                                "loads.enabled: tidb has no Stream Load",
		least + "loads: {enabled: true, port: 9030}":                                                                     "loads.port: it is service.port too",
		least + "loads: {port: 0}":                                                                                       "/loads/port",
		least + "replica: 3":                                                                                             "replica",
		least + "replicas: many":                                                                                         "/replicas",
		least + "image: {digest: latest}":                                                                                "/image/digest",
		least + "service: {type: ExternalName}":                                                                          "/service/type",
		least + "service: {internalTrafficPolicy: Node}":                                                                 "/service/internalTrafficPolicy",
		least + "admin: {read: token}":                                                                                   "admin.tokenSecret",
		least + "admin: {read: nobody}":                                                                                  "/admin/read",
		least + "shutdown: {drainSeconds: 0}":                                                                            "/shutdown/drainSeconds",
		least + "resources: {requests: {cpu: lots}}":                                                                     "/resources/requests/cpu",
		least + "autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 2}":                                           "autoscaling.maxReplicas is below",
		least + "autoscaling: {enabled: true}\nresources: {requests: {cpu: null}}":                                       "autoscaling.enabled",
		least + "podDisruptionBudget: {maxUnavailable: 0}":                                                               "/podDisruptionBudget/maxUnavailable",
		least + "serviceMonitor: {enabled: yes please}":                                                                  "/serviceMonitor/enabled",
	} {
		_, err := template(parsed(t, text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v\nwant %q", text, err, want)
		}
	}
}

// Every value has a place in the schema, so that a word that is spelled wrongly is refused.
func TestChartSchemaHasEveryValue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chart, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := parsed(t, string(text))
	compareKeys(t, "values", values(t, filepath.Join(chart, "values.yaml")), s)
}

func compareKeys(t *testing.T, where string, v, s map[string]any) {
	t.Helper()
	properties, ok := s["properties"].(map[string]any)
	if !ok || where == "values.config" {
		return
	}
	if s["additionalProperties"] != false {
		t.Errorf("%s: any key goes", where)
	}
	for key, value := range v {
		below, ok := properties[key].(map[string]any)
		if !ok {
			t.Errorf("%s.%s is not in the schema", where, key)
			continue
		}
		if m, ok := value.(map[string]any); ok {
			compareKeys(t, where+"."+key, m, below)
		}
	}
	for key := range properties {
		if _, ok := v[key]; !ok && key != "global" {
			t.Errorf("%s.%s is in the schema alone", where, key)
		}
	}
}
