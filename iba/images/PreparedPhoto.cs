namespace Iba.Images;

/// <summary>A photo that was read once and prepared for a network.</summary>
/// <param name="Path">The file's path as it was named.</param>
/// <param name="Sha256">SHA-256 of the bytes that were decoded, in hexadecimal.</param>
/// <param name="Extents">Width and height of the photo in pixels, after its rotation if there is one.</param>
/// <param name="Input">The network's input.</param>
/// <param name="File">The file's bytes, to decode the whole photo again; null if they were not kept.</param>
public sealed record PreparedPhoto(string Path, string Sha256, (int Width, int Height) Extents, NetworkInput Input, PhotoFile? File);
