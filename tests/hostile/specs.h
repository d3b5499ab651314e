{"no JSON", "{", HS_EJSON, "spec.json"},
