using Iba.Engine;
namespace Iba.Images;

/// <summary>An image that cannot be used: which one, why, and what to do next.</summary>
public class ImageException(string image, string reason, string nextStep, Exception? inner = null)
    : IbaException(image, reason, $"{nextStep}.", inner);

/// <summary>An image that is refused by its header, because it would cost too much to decode.</summary>
public sealed class ImageTooLargeException(string image, string reason) : ImageException(image, reason, "Make it smaller first");
