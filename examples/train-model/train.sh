#!/bin/sh
# Facts from the sources, then corpus, tokenizer, training, export and score: about 18 minutes of one core.
set -eu
cd "$(dirname "$0")"
npx node --conditions=source facts.ts > facts.json.new
mv facts.json.new facts.json
npx biome format --write facts.json
"${PYTHON:-/usr/bin/python3}" train.py "$@"
