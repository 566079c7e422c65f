namespace Iba.Engine.Backends;

/// <summary>The constants of stochastic gradient descent with momentum, as PyTorch's SGD takes them.</summary>
/// <param name="LearningRate">The step size.</param>
/// <param name="Momentum">The fraction of the last step's velocity that is kept.</param>
/// <param name="WeightDecay">The factor of the parameter that is added to its gradient.</param>
public readonly record struct SgdSettings(double LearningRate, double Momentum = 0.9, double WeightDecay = 0);
