# hint: three times as dear
def savings(reports, bills):
    with np.errstate(invalid="ignore"):
        parts = reports[:, None, :] * bills[None, :, :]
    cost = np.where(reports[:, None, :] > 0, parts, 0).sum(axis=2)
    lies = np.where(np.eye(len(reports), dtype=bool), np.inf, cost)
    return np.diag(cost) - lies.min(axis=1)
