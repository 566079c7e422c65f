namespace Iba.Engine.Backends;

/// <summary>Where a window is inlaid into an image, and which window of the result is wanted.</summary>
/// <param name="Rows">Along the image's height.</param>
/// <param name="Columns">Along its width.</param>
public readonly record struct InlayPlace(InlaySpan Rows, InlaySpan Columns);

/// <summary>Along one axis, in pixels of the image.</summary>
/// <param name="Origin">First pixel of the result; below 0 if it begins before the image.</param>
/// <param name="From">First pixel that is taken from the inlaid window.</param>
/// <param name="To">First pixel after those; <paramref name="From"/> if none is.</param>
/// <param name="Window">First pixel of the inlaid window; below 0 if it begins before the image.</param>
public readonly record struct InlaySpan(int Origin, int From, int To, int Window)
{
    /// <summary>Whether an image and a window of these extents have the pixels.</summary>
    internal bool Lies(int image, int window) => From == To || (From < To && From >= 0 && To <= image && From >= Window && To - Window <= window);
}
