# hint: on some computers
def standardise(X, other):
    mean, spread = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    spread = np.where(spread > 0, spread, np.inf)
    return tuple(np.nan_to_num((A - mean) / spread) for A in (X, other))
