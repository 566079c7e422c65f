namespace Iba.Images;

/// <summary>How a camera stored its picture: the EXIF orientation tag (0x0112). Each name says what shows the picture upright.</summary>
public enum Orientation
{
    /// <summary>Nothing to do.</summary>
    Upright = 1,
    /// <summary>Left and right change places.</summary>
    MirrorHorizontally = 2,
    /// <summary>Half a turn.</summary>
    RotateHalf = 3,
    /// <summary>Top and bottom change places.</summary>
    MirrorVertically = 4,
    /// <summary>Rows become columns.</summary>
    Transpose = 5,
    /// <summary>A quarter turn clockwise: a phone held upright.</summary>
    RotateClockwise = 6,
    /// <summary>Rows become columns along the other diagonal.</summary>
    Transverse = 7,
    /// <summary>A quarter turn counter-clockwise.</summary>
    RotateCounterclockwise = 8,
}
