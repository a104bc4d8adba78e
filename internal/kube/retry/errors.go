package retry

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Fail returns the error of a call that failed with cause: a [*topology.Error] whose reason is one
// of topology's sentinels. A cause that is one already is returned as it is.
func Fail(call adapter.Call, cause error) error {
	var done *topology.Error
	if errors.As(cause, &done) {
		return cause
	}
	var held *kube.HeldError
	if errors.As(cause, &held) {
		return call.Fail(topology.ErrTerminating, held.Error()+"; have them removed, and run again")
	}
	detail, reason := classify(cause)
	return call.Wrap(reason, detail, cause)
}

// classify returns the sentinel of a raw error, and what the user can do about it.
func classify(err error) (detail string, reason error) {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return "the namespace is being deleted; run again once it is gone", topology.ErrTerminating
	case errors.Is(err, kube.ErrVanished):
		return "someone else keeps deleting it; stop one of the two, and run again", topology.ErrConflict
	case apierrors.IsNotFound(err):
		return "", topology.ErrNotFound
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return "the cluster refuses; Ready lists the permissions that are missing", topology.ErrForbidden
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return "someone else keeps changing it; stop one of the two, and run again", topology.ErrConflict
	case !Transient(err) && !isNetwork(err): // the cluster refuses it, or the client does not even send it
		return "the value is not accepted", topology.ErrInvalid
	default:
		return "the API server cannot be reached, does not answer or is overloaded", topology.ErrUnavailable
	}
}

// isNetwork reports whether an error comes from the connection rather than from the cluster or the
// client.
func isNetwork(err error) bool {
	var connection *url.Error
	return errors.As(err, &connection)
}

// Transient reports whether the same call may succeed later. The package comment lists which errors
// are transient.
func Transient(err error) bool {
	if errors.Is(err, kube.ErrVanished) {
		return true
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests ||
			code == http.StatusRequestTimeout || code == http.StatusGone ||
			apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
	}
	var broken *kube.BrokenAnswerError
	var network net.Error
	return errors.As(err, &broken) || errors.As(err, &network) && network.Timeout() ||
		utilnet.IsConnectionReset(err) || utilnet.IsConnectionRefused(err) || utilnet.IsProbableEOF(err) ||
		utilnet.IsHTTP2ConnectionLost(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE)
}
