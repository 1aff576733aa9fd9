-- +goose Up

-- Whoever sets it wants the VPC, and what it lies in, to stay until it is lifted.
ALTER TABLE vpcs ADD COLUMN deletion_protection boolean NOT NULL DEFAULT false;
