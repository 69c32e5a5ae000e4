# hint: What is 0 times infinity
def savings(reports, bills):
    cost = reports @ bills.T
    return np.diag(cost) - cost.min(axis=1)
