namespace Iba.Datasets;

/// <summary>
/// An upright box in pixels, counted from 0 at the upper left; the far corner is exclusive: columns <see cref="XMin"/> .. XMax - 1 and rows
/// <see cref="YMin"/> .. YMax - 1 lie inside. The paper's evaluation slices its masks with ImageNet's corners in this way.
/// </summary>
public readonly record struct Box(int XMin, int YMin, int XMax, int YMax);
