using Iba.Engine;
namespace Iba.Images;

/// <summary>An image that cannot be used: which one, why, and what to do next.</summary>
public sealed class ImageException(string image, string reason, string nextStep, Exception? inner = null)
    : IbaException(image, reason, $"{nextStep}.", inner);
