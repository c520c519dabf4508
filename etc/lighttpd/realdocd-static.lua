-- The document root of a static file is that of the release which realdocd has told: see
-- conf-available/18-realdocd-static.conf.
local env = lighty.r.req_env
local docroot = env["REALDOC_DOCROOT"]
if docroot then -- it has been told
  env["REALDOC_TELL"] = nil -- what is rewritten to a script then is a request, and no question
  local attr = lighty.r.req_attr
  attr["physical.doc-root"] = docroot
  attr["physical.path"] = docroot .. attr["physical.rel-path"]
end
return 0
