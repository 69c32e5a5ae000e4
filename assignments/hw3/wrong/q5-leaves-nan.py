# hint: becomes 0 in the end
def standardise(X, other):
    mean, spread = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    varies = np.nanmax(X, axis=0) > np.nanmin(X, axis=0)
    spread = np.where(varies, spread, 1)
    return tuple(np.where(varies, (A - mean) / spread, 0) for A in (X, other))
