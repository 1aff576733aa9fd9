// Package telemetry gives a process its traces, metrics and correlated logs.
//
// A process starts and serves with or without a collector. Without OTEL_EXPORTER_OTLP_ENDPOINT spans only get ids, so
// that logs and responses carry a trace id that services share. With it they are exported in batches over OTLP gRPC,
// sampled by the standard OTEL_TRACES_SAMPLER variables. Metrics are always kept and are scraped from the admin handler.
// A collector that is away costs spans, never calls: export errors are logged and the buffer is bounded.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Config names the service and where its telemetry goes.
type Config struct {
	// Service is the name under which traces and metrics appear, for example `network`.
	Service string
	// Version of the program; left out of the resource when empty.
	Version string
	// Logger receives the errors of exporting; the default logger when nil.
	Logger *slog.Logger
	// Endpoint of the OTLP collector, as a URL. Empty means what OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
	// OTEL_EXPORTER_OTLP_ENDPOINT says, and without them no export.
	Endpoint string
}

// Telemetry is the instrumentation of one process. A nil *Telemetry is valid and records nothing.
type Telemetry struct {
	traces   *sdktrace.TracerProvider
	exporter *otlptrace.Exporter // nil when nothing is exported
	metrics  *sdkmetric.MeterProvider
	registry *prometheus.Registry
}

// Start builds the providers. It dials at the first export, so a service starts without its collector. The caller must
// call Shutdown.
func Start(ctx context.Context, cfg Config) (*Telemetry, error) {
	res, err := describe(ctx, cfg)
	if err != nil {
		return nil, err
	}
	logger := cfg.Logger
	if logger == nil {
		logger = slog.Default()
	}
	// The SDK reports asynchronous errors only through its process-wide handler.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.Warn("telemetry was not exported", "error", err)
	}))

	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	reader, err := promexporter.New(promexporter.WithRegisterer(registry))
	if err != nil {
		return nil, fmt.Errorf("build the metrics exporter: %w", err)
	}
	traces, exporter, err := newTracerProvider(ctx, cfg, res)
	if err != nil {
		return nil, err
	}
	return &Telemetry{
		traces:   traces,
		exporter: exporter,
		metrics:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res)),
		registry: registry,
	}, nil
}

// describe is the resource all signals carry; OTEL_RESOURCE_ATTRIBUTES adds to it.
func describe(ctx context.Context, cfg Config) (*resource.Resource, error) {
	attributes := []attribute.KeyValue{
		attribute.String("service.namespace", "lowlayer"),
		attribute.String("service.name", cfg.Service),
	}
	if cfg.Version != "" {
		attributes = append(attributes, attribute.String("service.version", cfg.Version))
	}
	if host, err := os.Hostname(); err == nil {
		attributes = append(attributes, attribute.String("service.instance.id", fmt.Sprintf("%s-%d", host, os.Getpid())))
	}
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithFromEnv(), resource.WithAttributes(attributes...))
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("describe the telemetry resource: %w", err)
	}
	return res, nil
}

// TracerProvider makes the spans.
func (t *Telemetry) TracerProvider() trace.TracerProvider {
	if t == nil {
		return tracenoop.NewTracerProvider()
	}
	return t.traces
}

// MeterProvider makes the instruments; what they count appears at /metrics.
func (t *Telemetry) MeterProvider() metric.MeterProvider {
	if t == nil {
		return metricnoop.NewMeterProvider()
	}
	return t.metrics
}

// Registry takes collectors that are written for Prometheus directly, and nil when nothing is recorded.
func (t *Telemetry) Registry() *prometheus.Registry {
	if t == nil {
		return nil
	}
	return t.registry
}

// Propagator carries trace context and baggage over process borders in the W3C formats.
func (t *Telemetry) Propagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}

// Shutdown exports what is still buffered, within the deadline of ctx, and stops. It may be called more than once.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	err := t.traces.Shutdown(ctx)
	if err != nil && t.exporter != nil {
		// The SDK gave up waiting for its last batch but goes on sending it; this ends that too.
		err = errors.Join(err, t.exporter.Shutdown(ctx))
	}
	// Shutting a reader down twice is an error of the SDK, not one of the caller.
	if metricsErr := t.metrics.Shutdown(ctx); metricsErr != nil && !errors.Is(metricsErr, sdkmetric.ErrReaderShutdown) {
		err = errors.Join(err, metricsErr)
	}
	if err != nil {
		return fmt.Errorf("shut telemetry down: %w", err)
	}
	return nil
}
