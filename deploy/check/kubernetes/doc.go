// Package kubernetes has tests of what is installed in Kubernetes: every manifest is decoded strictly into the API's own Go types, kustomizations are rendered by the library that kubectl has built in,
// the chart by Helm's, and all of it is sent to a real API server, which is asked what it would say (make kube). It is a module of its own, as these are much to depend on.
package kubernetes
