-- +goose Up

-- Whoever sets it wants the resource, and what it lies in, to stay until it is lifted.
ALTER TABLE tenants ADD COLUMN deletion_protection boolean NOT NULL DEFAULT false;
ALTER TABLE organisations ADD COLUMN deletion_protection boolean NOT NULL DEFAULT false;
