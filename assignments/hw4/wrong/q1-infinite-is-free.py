# hint: and not free of charge
def savings(reports, bills):
    finite = np.where(np.isinf(bills), 0, bills)
    cost = reports @ finite.T
    return np.diag(cost) - cost.min(axis=1)
