# hint: The log score is proper
def savings(reports, bills):
    with np.errstate(invalid="ignore"):
        cost = reports @ bills.T
        return np.diag(cost) - np.nanmin(cost, axis=1)
