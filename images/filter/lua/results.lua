-- What the recipient reads about the checks (RFC 8601), and what a sender may not write in our name.
--
-- Any Authentication-Results and X-Spam that came with the message is taken out: nobody but this filter speaks for this
-- host. Mail from outside gets ours. Mail of our own users gets none: it would tell the login and the client's address.

local auth_results = require "lua_auth_results"

local results = {}

function results.rule(host)
  local shown = {}
  for name, value in pairs(auth_results.default_settings) do
    shown[name] = value
  end
  shown.add_smtp_user = false

  return function(task)
    local remove = { ["Authentication-Results"] = 0 }
    -- rspamd itself replaces X-Spam where it marks a message.
    if task:get_metric_action() ~= "add header" then
      remove["X-Spam"] = 0
    end
    local reply = { remove_headers = remove }
    local ip = task:get_from_ip()
    if not task:get_user() and ip and ip:is_valid() and not ip:is_local() then
      local text = auth_results.gen_auth_results(task, shown)
      if text then
        -- Our name stands first (RFC 8601 §2.5), not what Postfix calls this service towards milters.
        text = text:gsub("^[^;]+", host, 1):gsub("%([%w_.-]+: ", "("):gsub("; ", ";\n\t")
        reply.add_headers = { ["Authentication-Results"] = { value = text, order = 1 } }
      end
    end
    task:set_milter_reply(reply)
  end
end

return results
