namespace Iba.Engine.Backends;

/// <summary>The constants of Adam (Kingma and Ba 2015), with PyTorch's defaults; double, since PyTorch takes 1 - β in double.</summary>
/// <param name="LearningRate">The step size.</param>
/// <param name="Beta1">Decay of the mean gradient.</param>
/// <param name="Beta2">Decay of the mean squared gradient.</param>
/// <param name="Epsilon">Added to the denominator after the bias correction, as PyTorch does.</param>
public readonly record struct AdamSettings(double LearningRate, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8);
