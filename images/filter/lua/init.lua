-- What this filter adds to rspamd. Read once at start; an error here stops the start, so that no mail passes unchecked.
--
-- sender.lua   who an authenticated user may be in From and Sender
-- signing.lua  nothing of ours leaves without our signature
-- domains.lua  which domains are ours
-- limits.lua   how many recipients a mailbox, a domain and the tenant may reach
-- results.lua  what the recipient reads about the checks
--
-- Every rule runs inside `guarded`: a fault of ours defers the message, it never lets it pass.

package.path = "/usr/share/mailtenant/filter/?.lua;" .. package.path

local logger = require "rspamd_logger"

local options = rspamd_config:get_all_opt("mailtenant")
if not options then
  error("the section `mailtenant` is missing")
end

local function guarded(name, rule)
  return function(task)
    local ok, fault = pcall(rule, task)
    if not ok then
      logger.errx(task, "%s failed: %s", name, fault)
      task:set_pre_result({
        action = "soft reject", module = name, priority = 10,
        message = "The mail filter has a problem; try again later",
      })
    end
  end
end

local function register(name, kind, priority, rule)
  rspamd_config:register_symbol({
    name = name,
    type = kind,
    priority = priority,
    callback = guarded(name, rule),
    -- Settings of a message cannot switch these off, and a verdict of another rule does not skip them.
    flags = "explicit_disable,empty,nostat,ignore_passthrough",
    group = "mailtenant",
    score = 0.0,
  })
end

local owners = require("owners").watch(options.owners)
local signing = require("signing")
signing.configure(options)

register("MAILTENANT_SENDER", "prefilter", 10, require("sender").rule(owners))
register("MAILTENANT_SIGNED", "postfilter", 9, signing.rule(owners))
register("MAILTENANT_LIMITS", "postfilter", 1, require("limits").rule(options, options.cache))
register("MAILTENANT_HEADERS", "idempotent", nil, require("results").rule(options.host))
