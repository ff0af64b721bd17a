-- Health of an Agent (agentctl.dev) for Argo CD: put it into the config map argocd-cm under
-- resource.customizations.health.agentctl.dev_Agent (docs/status.md shows how).
-- https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#custom-health-checks

-- Reasons of Ready=False that do not pass by waiting a little.
local degraded = {
  Backoff = true, ConfigError = true, CrashLoopBackOff = true, CreateContainerError = true, CreateRejected = true,
  ImagePullFailed = true, InitFailed = true, InvalidImageName = true, NodeLost = true, NotAccepted = true,
  OOMKilled = true, QuotaExceeded = true,
}

local function health(status, condition)
  return { status = status, message = condition.reason .. ": " .. condition.message }
end

local waiting = { status = "Progressing", message = "Waiting for the operator to look at the Agent" }
if obj.status == nil or obj.status.conditions == nil then
  return waiting
end
if obj.metadata.generation ~= nil and obj.status.observedGeneration ~= obj.metadata.generation then
  return waiting
end

local is = {}
for _, condition in ipairs(obj.status.conditions) do
  is[condition.type] = condition
end

if is.Stalled ~= nil and is.Stalled.status == "True" then
  return health("Degraded", is.Stalled)
end
if is.Accepted ~= nil and is.Accepted.status == "False" then
  return health("Degraded", is.Accepted)
end
if is.Finished ~= nil and is.Finished.status == "True" then
  return health("Healthy", is.Finished)
end
if is.Suspended ~= nil and is.Suspended.status == "True" then
  return health("Suspended", is.Suspended)
end
if is.Ready == nil then
  return waiting
end
if is.Ready.status == "True" then
  return health("Healthy", is.Ready)
end
if degraded[is.Ready.reason] then
  return health("Degraded", is.Ready)
end
return health("Progressing", is.Ready)
