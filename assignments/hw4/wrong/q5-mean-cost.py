# hint: It is a sum, not a mean
def total_cost(actions, labels, costs):
    return costs[actions, labels].mean()
