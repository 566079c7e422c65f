using Iba.Engine;

namespace Iba.Datasets;

/// <summary>A data set, or a file of one, that cannot be used or written: which, why, and what to do next.</summary>
public sealed class DatasetException(string source, string reason, string nextStep, Exception? inner = null)
    : IbaException(source, reason, $"{nextStep}.", inner);
