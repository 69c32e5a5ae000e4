# hint: log q = z - LSE
def finish(state):
    m, s, u = state
    return m + np.log(s), np.log(s) + u
