package statefulset

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"segue/backend/discover/kube"
)

// act does what a step says. pause is how long to leave it at that where it has failed for now, whatever is told meanwhile; an error is one that no waiting mends.
func (r *run) act(ctx context.Context, st step) (pause time.Duration, err error) {
	if st.evict != nil {
		r.progress("pod " + st.evict.Metadata.Name + " to be evicted")
		err = r.set.evict(ctx, st.evict)
	} else {
		r.progress("StatefulSet " + r.set.options.Name + " to be changed")
		err = r.set.change(ctx, *st.change)
	}
	switch {
	case err == nil:
		r.trouble = nil
		return 0, nil
	case ctx.Err() != nil:
		return 0, nil // the loop tells
	case kube.Code(err) == http.StatusConflict: // somebody else was faster: what is so now is told soon
		return 0, nil
	case st.evict != nil && kube.Code(err) == http.StatusNotFound: // it has gone by itself
		return 0, nil
	case st.evict != nil && kube.Code(err) == http.StatusTooManyRequests:
		r.progress(fmt.Sprintf("the PodDisruptionBudget to let pod %s go: %v", st.evict.Metadata.Name, message(err)))
		return max(again, retryAfter(err)), nil
	case final(err):
		return 0, err
	}
	r.trouble = err
	return max(again, retryAfter(err)), nil
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*kube.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

func message(err error) string {
	if e, ok := errors.AsType[*kube.Error](err); ok {
		return trim(e.Message)
	}
	return err.Error()
}

// evict ends exactly the pod that was seen: one that has replaced it under its name stays.
func (s *Set) evict(ctx context.Context, p *pod) error {
	path := "/api/v1/namespaces/" + s.options.Namespace + "/pods/" + p.Metadata.Name + "/eviction"
	err := s.client.Post(ctx, path, map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction",
		"metadata":      map[string]any{"name": p.Metadata.Name, "namespace": s.options.Namespace},
		"deleteOptions": map[string]any{"preconditions": map[string]any{"uid": p.Metadata.UID}},
	}, nil)
	if err != nil {
		return fmt.Errorf("evict pod: %w", err)
	}
	return nil
}

// change changes the set where its owner says so. What has been changed since it was seen is a conflict.
func (s *Set) change(ctx context.Context, c change) error {
	var err error
	if s.options.Owner == StarRocksCluster {
		err = s.client.Patch(ctx, s.clusters()+"/"+s.cluster(), kube.MergePatch, c.ofCluster(component(s.options.Name)), nil)
	} else {
		err = s.client.Patch(ctx, s.path(), kube.StrategicPatch, c.ofSet(), nil)
	}
	if err != nil {
		return fmt.Errorf("change StatefulSet %s: %w", s.options.Name, err)
	}
	return nil
}
