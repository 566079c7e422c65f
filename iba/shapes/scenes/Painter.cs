using Iba.Shapes.Exact;

namespace Iba.Shapes.Scenes;

/// <summary>
/// Renders a scene to pixels, back to front. Samples are at pixel centres. Edges are antialiased by the signed distance; textures leave out
/// detail finer than a pixel.
/// </summary>
internal sealed class Painter
{
    private readonly Scene _scene;
    private readonly int _size;
    private readonly double _pixel;
    private readonly double[] _rgb;
    private readonly byte[] _owner;

    private Painter(Scene scene, int size)
    {
        _scene = scene;
        _size = size;
        _pixel = 1.0 / size;
        _rgb = new double[size * size * 3];
        _owner = new byte[size * size];
    }

    /// <summary>
    /// The picture, 8-bit R,G,B interleaved, size x size, and for each pixel 0 or 1 + the index of the object that is visible there (that gives at
    /// least half of the pixel's light).
    /// </summary>
    public static (byte[] Rgb, byte[] Owner) Paint(Scene scene, int size)
    {
        var painter = new Painter(scene, size);
        painter.PaintGround();
        foreach (Glow glow in scene.Glows)
            painter.PaintGlow(glow);
        foreach (Solid solid in scene.Behind)
            painter.PaintSolid(solid, owner: 0);
        for (int i = 0; i < scene.Objects.Count; i++)
            painter.PaintSolid(scene.Objects[i], (byte)(i + 1));
        foreach (Solid solid in scene.Before)
            painter.PaintSolid(solid, owner: 0);
        return (painter.Develop(), painter._owner);
    }

    private void PaintGround()
    {
        double[] first = Relief(_scene.Ground), second = _scene.SecondShare > 0 ? Relief(_scene.Second) : first;
        for (int row = 0; row < _size; row++)
        {
            double y = (row + 0.5) * _pixel;
            for (int column = 0; column < _size; column++)
            {
                double x = (column + 0.5) * _pixel;
                int at = row * _size + column;
                Colour colour = Lit(_scene.Ground, first, row, column);
                if (_scene.SecondShare > 0)
                {
                    double border = _scene.Border.Octaves(x * 2.3, y * 2.3, 4, 0.5, _pixel * 2.3) + (_scene.SecondShare - 0.5);
                    double share = Elementary.Smooth(-0.06, 0.06, border);
                    if (share > 0)
                        colour = colour.Mix(Lit(_scene.Second, second, row, column), share);
                }
                Store(at, colour);
            }
        }
    }

    private double[] Relief(Ground ground)
    {
        var relief = new double[_size * _size];
        for (int row = 0; row < _size; row++)
        {
            for (int column = 0; column < _size; column++)
                relief[row * _size + column] = ground.Height((column + 0.5) * _pixel, (row + 0.5) * _pixel, _pixel);
        }
        return relief;
    }

    private Colour Lit(Ground ground, double[] relief, int row, int column)
    {
        int left = Math.Max(column - 1, 0), right = Math.Min(column + 1, _size - 1);
        int above = Math.Max(row - 1, 0), below = Math.Min(row + 1, _size - 1);
        // Slope per unit of the texture's grain: coarse textures are as steep as fine ones.
        double unit = ground.Grain * 0.12 / _pixel;
        double dx = (relief[row * _size + right] - relief[row * _size + left]) / (right - left) * unit;
        double dy = (relief[below * _size + column] - relief[above * _size + column]) / (below - above) * unit;
        double light = 1 - ground.Relief * Math.Clamp(dx * _scene.LightX + dy * _scene.LightY, -0.8, 0.8);
        return ground.At(relief[row * _size + column]) * light;
    }

    private void PaintGlow(Glow glow)
    {
        var (left, top, right, bottom) = Window(glow.X, glow.Y, glow.Radius);
        for (int row = top; row < bottom; row++)
        {
            for (int column = left; column < right; column++)
            {
                double x = (column + 0.5) * _pixel - glow.X, y = (row + 0.5) * _pixel - glow.Y;
                double inside = 1 - Math.Sqrt(x * x + y * y) / glow.Radius;
                if (inside > 0)
                    Blend(row * _size + column, glow.Colour, glow.Strength * Elementary.Smooth(0, glow.Rim, inside));
            }
        }
    }

    private void PaintSolid(Solid solid, byte owner)
    {
        Material material = solid.Material;
        double lift = material.Lift, blur = lift * 0.9 + _pixel, soft = Math.Max(material.Softness, 0.5 * _pixel);
        double dx = -_scene.LightX * lift, dy = -_scene.LightY * lift;
        double reach = solid.Pose.Reach;
        var (left, top, right, bottom) = Window(solid.Pose.X, solid.Pose.Y, reach + lift + blur);
        for (int row = top; row < bottom; row++)
        {
            for (int column = left; column < right; column++)
            {
                double distance = solid.Distance((column + 0.5) * _pixel - dx, (row + 0.5) * _pixel - dy);
                double shade = material.Shadow * Elementary.Smooth(-blur, blur, -distance);
                if (shade > 0)
                    Blend(row * _size + column, default, shade);
            }
        }

        (left, top, right, bottom) = Window(solid.Pose.X, solid.Pose.Y, reach + soft + _pixel);
        int width = right - left;
        var distances = new double[Math.Max(width * (bottom - top), 0)];
        for (int row = top; row < bottom; row++)
        {
            for (int column = left; column < right; column++)
                distances[(row - top) * width + column - left] = solid.Distance((column + 0.5) * _pixel, (row + 0.5) * _pixel);
        }
        for (int row = top; row < bottom; row++)
        {
            for (int column = left; column < right; column++)
            {
                int at = (row - top) * width + column - left;
                double cover = Math.Clamp(0.5 - distances[at] / (2 * soft), 0, 1);
                if (cover == 0)
                    continue;
                double gx = column > left && column < right - 1 ? (distances[at + 1] - distances[at - 1]) / (2 * _pixel) : 0;
                double gy = row > top && row < bottom - 1 ? (distances[at + width] - distances[at - width]) / (2 * _pixel) : 0;
                Blend(row * _size + column, Surface(solid, column, row, distances[at], gx * _scene.LightX + gy * _scene.LightY), cover);
                if (cover >= 0.5)
                    _owner[row * _size + column] = owner;
            }
        }
    }

    // The rim slopes outwards, most at the edge. The side towards the light is brightened as much as the other side is darkened, so the mean
    // colour of a form does not depend on the length of its rim.
    private Colour Surface(Solid solid, int column, int row, double distance, double facing)
    {
        Material material = solid.Material;
        double x = (column + 0.5) * _pixel, y = (row + 0.5) * _pixel;
        var (u, v) = solid.Pose.ToForm(x, y);
        double pixel = _pixel / solid.Pose.Unit * material.TextureScale;
        double height = material.Texture.Height(u * material.TextureScale, v * material.TextureScale, pixel);
        double depth = Math.Clamp(1 + distance / (material.Bevel * solid.Pose.Scale), 0, 1);
        double across = ((x - solid.Pose.X) * _scene.LightX + (y - solid.Pose.Y) * _scene.LightY) / solid.Pose.Scale;
        double light = 1 + material.BevelLight * depth * facing + 0.15 * across + material.Relief * Math.Clamp(height, -1, 1);
        return material.Colour.Mix(material.Second, material.Pattern * Math.Clamp(0.5 + height, 0, 1)) * light;
    }

    // Light falls off across the picture and towards its corners; grain comes last, as on film.
    private byte[] Develop()
    {
        var bytes = new byte[_rgb.Length];
        for (int row = 0; row < _size; row++)
        {
            for (int column = 0; column < _size; column++)
            {
                double x = (column + 0.5) * _pixel - 0.5, y = (row + 0.5) * _pixel - 0.5;
                double light = 1 + _scene.LightFall * (x * _scene.LightX + y * _scene.LightY) - _scene.Vignette * (x * x + y * y);
                double grain = _scene.FilmGrain * (_scene.Film.White(column, row) + _scene.Film.White(column + _size, row));
                int at = 3 * (row * _size + column);
                for (int channel = 0; channel < 3; channel++)
                    bytes[at + channel] = (byte)(Math.Clamp(_rgb[at + channel] * light + grain, 0, 1) * 255 + 0.5);
            }
        }
        return bytes;
    }

    private (int Left, int Top, int Right, int Bottom) Window(double x, double y, double reach) =>
        (Pixel(x - reach), Pixel(y - reach), Pixel(x + reach + _pixel), Pixel(y + reach + _pixel));

    private int Pixel(double at) => (int)Math.Clamp(Math.Floor(at * _size), 0, _size);

    private void Store(int pixel, Colour colour) =>
        (_rgb[3 * pixel], _rgb[3 * pixel + 1], _rgb[3 * pixel + 2]) = (colour.Red, colour.Green, colour.Blue);

    private void Blend(int pixel, Colour colour, double share)
    {
        int at = 3 * pixel;
        _rgb[at] += (colour.Red - _rgb[at]) * share;
        _rgb[at + 1] += (colour.Green - _rgb[at + 1]) * share;
        _rgb[at + 2] += (colour.Blue - _rgb[at + 2]) * share;
    }
}
