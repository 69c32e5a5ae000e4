# hint: One entry of the cost matrix for each row
def total_cost(actions, labels, costs):
    return costs[actions][:, labels].sum()
