# hint: Which axis do you take the smallest over
def savings(reports, bills):
    finite = np.where(np.isinf(bills), 1e12, bills)
    cost = reports @ finite.T
    return np.diag(cost) - cost.min(axis=0)
