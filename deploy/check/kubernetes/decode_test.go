package kubernetes

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	sigsyaml "sigs.k8s.io/yaml"
)

const deploy = "../.."

// object is one manifest: as it was written, and in the type of its kind.
type object struct {
	text  []byte // JSON
	typed runtime.Object
	gvk   schema.GroupVersionKind
	meta  metav1.Object
}

func (o object) String() string { return o.gvk.Kind + " " + o.meta.GetName() }

// starRocksCluster is what the example uses of the StarRocks operator's kind, whose Go types cannot be had as a module.
type starRocksCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		FE starRocksComponent `json:"starRocksFeSpec"`
		BE starRocksComponent `json:"starRocksBeSpec"`
	} `json:"spec"`
}

type starRocksComponent struct {
	Image                         string              `json:"image"`
	Replicas                      int32               `json:"replicas"`
	TerminationGracePeriodSeconds int64               `json:"terminationGracePeriodSeconds"`
	Requests                      corev1.ResourceList `json:"requests"`
	Limits                        corev1.ResourceList `json:"limits"`
}

func (c *starRocksCluster) DeepCopyObject() runtime.Object {
	copied := *c
	return &copied
}

// decoder refuses what the types do not have, and what is said twice.
func decoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientscheme.AddToScheme, monitoring.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	scheme.AddKnownTypeWithName(schema.GroupVersionKind{Group: "starrocks.com", Version: "v1", Kind: "StarRocksCluster"}, &starRocksCluster{})
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// decode reads all documents of a text.
func decode(t *testing.T, name string, text []byte) (all []object) {
	t.Helper()
	d := decoder(t)
	docs := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(text)))
	defer docs.Close()
	for buf := make([]byte, 1<<20); ; {
		n, err := docs.Read(buf)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		doc := bytes.Clone(buf[:n])
		asJSON, err := sigsyaml.YAMLToJSONStrict(doc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(asJSON) == "null" {
			continue
		}
		typed, gvk, err := d.Decode(doc, nil, nil)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, doc)
			continue
		}
		access, err := meta.Accessor(typed)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, object{asJSON, typed, *gvk, access})
	}
}

// manifests are the files under deploy/kubernetes that hold objects as they are sent: not kustomizations and what these patch with, nor configurations and values.
func manifests(t *testing.T) (all []string) {
	t.Helper()
	root := filepath.Join(deploy, "kubernetes")
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := filepath.Base(path); {
		case filepath.Ext(name) != ".yaml", name == "kustomization.yaml", name == "segue.yaml", strings.HasSuffix(name, "values.yaml"):
		default:
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("%d manifests under %s", len(all), root)
	}
	return all
}

func TestManifestsAreOfTheAPI(t *testing.T) {
	for _, path := range manifests(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(decode(t, path, text)) == 0 {
			t.Errorf("%s: no object", path)
		}
	}
}

// What a key is called wrongly, and what is said twice, is found.
func TestDecodingIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {portz: []}\n":                                          `unknown field "spec.portz"`,
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: ClusterIP, type: NodePort}\n":                    `"type" already set`,
		"apiVersion: starrocks.com/v1\nkind: StarRocksCluster\nmetadata: {name: a}\nspec: {starRocksFeSpec: {replica: 3}}": `unknown field "spec.starRocksFeSpec.replica"`,
		"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec: {group: []}":               `unknown field "spec.group"`,
	} {
		_, _, err := decoder(t).Decode([]byte(text), nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
