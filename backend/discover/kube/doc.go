// Package kube is a small client of the Kubernetes API over plain HTTP, and what discovery makes of a service's EndpointSlices.
//
// [Client] asks and changes single objects; [Client.Follow] keeps a collection by list and watch: bookmarks, 410 Gone, watches that end, and tokens that are
// renewed are its business. [Merge] makes endpoints of slices, and is pure, as [State] is; [Source] joins the two to a source of backends.
//
// Rules are those of the API's reference ("Kubernetes API Concepts", EndpointSlice v1) and of what its own client library does.
package kube
